"""Makes the goldens of tests/parity from the reference environment (see CONTRIBUTING.md).

    python tools/reference/parity_goldens.py --sd35 build/bin/sd35

The model is the tiny random one that the tests make too (f32, seed 7), so only inputs and outputs are stored.
"""

import argparse
import os
import subprocess
import tempfile

import torch
from diffusers import StableDiffusion3Pipeline
from safetensors.torch import save_file

import inputs as make_inputs
import stages

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden")


@torch.no_grad()
def pipeline(folder):
    """28 steps with guidance from a prompt: the latents and the picture."""
    pipe = StableDiffusion3Pipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    settings = dict(
        prompt=make_inputs.PROMPTS[0],
        negative_prompt="blurry",
        width=160,
        height=128,
        num_inference_steps=28,
        guidance_scale=4.5,
        max_sequence_length=32,
    )
    latents = pipe(**settings, generator=torch.Generator().manual_seed(42), output_type="latent").images
    picture = pipe(**settings, generator=torch.Generator().manual_seed(42), output_type="np").images
    skip = dict(skip_guidance_layers=[1, 2], skip_layer_guidance_scale=2.8)
    skipped = pipe(**settings, **skip, generator=torch.Generator().manual_seed(42), output_type="latent").images
    return {
        "latents": latents.contiguous(),
        "latents_skip_layer": skipped.contiguous(),
        "picture": torch.from_numpy((picture[0] * 255).round()).to(torch.uint8).contiguous(),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sd35", required=True, help="the program sd35")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "tiny")
        command = [arguments.sd35, "make-random-model", "--size", "tiny", "--dtype", "f32", "--seed", "7", "-o", folder]
        subprocess.run(command, check=True)
        stage_inputs = make_inputs.make(folder, [(16, 16), (12, 24), (20, 10)], 16, 8, tiled_size=(40, 36))
        save_file(stage_inputs, os.path.join(GOLDEN, "stages_inputs.safetensors"))
        save_file(stages.run(folder, stage_inputs, torch.float32), os.path.join(GOLDEN, "stages_outputs.safetensors"))
        save_file(pipeline(folder), os.path.join(GOLDEN, "pipeline.safetensors"))


if __name__ == "__main__":
    main()
