"""Makes tests/golden/guidance.json from diffusers' guiders (see CONTRIBUTING.md).

    python tools/reference/guidance_goldens.py

Each of 100 cases has two pictures of [16, 8, 8] values: latents, the prompt's velocity and what the negative prompt's
adds to 0.8 of it, three draws of one generator, which the tests repeat. Of each result four values are stored, and
the mean size of all.
"""

import json
import os

import diffusers
import torch
from diffusers.guiders import AdaptiveProjectedGuidance, ClassifierFreeGuidance, ClassifierFreeZeroStarGuidance
from diffusers.guiders.adaptive_projected_guidance import MomentumBuffer

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "guidance.json")
CASES = 100
SHAPE = [2, 16, 8, 8]
SCALE = 4.5
PLACES = [0, 700, 1029, 2047]


def kept(result):
    values = result.flatten()
    return [float(values[place]) for place in PLACES] + [float(values.abs().mean())]


def case(number):
    generator = torch.Generator().manual_seed(number)
    x, p, z = (torch.randn(SHAPE, generator=generator).double() for _ in range(3))
    n = 0.8 * p + 0.6 * z
    sigma = (number + 1) / CASES

    def guided(guider):
        guider._step = 1  # past the steps that CFG-Zero* leaves out
        return guider.forward(p, n).pred

    # The paper's form: on the predictions of the picture, from that of the prompt. diffusers has it with another base
    # and takes velocities for predictions.
    apg = AdaptiveProjectedGuidance(
        guidance_scale=SCALE - 1,
        adaptive_projected_guidance_momentum=-0.5,
        adaptive_projected_guidance_rescale=12.0 * sigma,
        eta=0.25,
        use_original_formulation=True,
    )
    apg.momentum_buffer = MomentumBuffer(-0.5)
    prediction, negative = x - sigma * p, x - sigma * n
    first, second = (apg.forward(prediction, negative).pred for _ in range(2))
    return {
        "rescaled": kept(guided(ClassifierFreeGuidance(guidance_scale=SCALE, guidance_rescale=0.7))),
        "zero_star": kept(guided(ClassifierFreeZeroStarGuidance(guidance_scale=SCALE))),
        "zero_star_rescaled": kept(guided(ClassifierFreeZeroStarGuidance(guidance_scale=SCALE, guidance_rescale=0.7))),
        "projected": kept((x - first) / sigma),
        "projected_again": kept((x - second) / sigma),
    }


def main():
    diffusers.utils.logging.set_verbosity_error()  # guiders say each time that they are experimental
    cases = [case(number) for number in range(CASES)]
    lines = ",\n".join(json.dumps({name: [float(f"{v:.9g}") for v in values] for name, values in c.items()}) for c in cases)
    with open(GOLDEN, "w") as file:
        file.write(f'{{"diffusers": "{diffusers.__version__}",\n"cases": [\n{lines}]}}\n')


if __name__ == "__main__":
    main()
