"""Makes tests/golden/sampling.json from diffusers' schedulers (see CONTRIBUTING.md).

    python tools/reference/sampling_goldens.py

The velocity of the trajectories is 0.25 x^2 + 0.5 x - sigma in f32, which the tests compute alike.
"""

import json
import os
import types

import diffusers
import torch
from diffusers import FlowMatchEulerDiscreteScheduler as Euler
from diffusers import FlowMatchHeunDiscreteScheduler as Heun
from diffusers import FlowMatchLCMScheduler as Lcm
from diffusers import StableDiffusion3Img2ImgPipeline

from checksum import checksum

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "sampling.json")
LATENTS = [-1.7, -0.9, -0.31, -0.02, 0.0, 0.13, 0.77, 1.9]
NOISE = [0.4, -1.1, 2.3, 0.05, -0.6, 1.3, -0.2, 0.9]
CUSTOM = [1.0, 0.83, 0.6, 0.31, 0.07]


def schedule(steps, shift):
    scheduler = Euler(shift=shift)
    scheduler.set_timesteps(steps)
    return scheduler


def sigmas():
    entries = []
    for shift in (1.0, 3.0, 6.0):
        lists = {steps: schedule(steps, shift).sigmas.tolist() for steps in (1, 2, 4, 28)}
        schedules = [schedule(steps, shift) for steps in range(1, 1001)]
        tensors = [tensor for s in schedules for tensor in (s.sigmas, s.timesteps)]
        custom = Euler(shift=shift)
        custom.set_timesteps(sigmas=CUSTOM)
        entries.append(
            {"shift": shift, "lists": lists, "all": checksum(*tensors), "custom": custom.sigmas.tolist()}
        )
    return entries


def trajectory(scheduler, steps, **noise):
    scheduler.set_timesteps(steps)
    x = torch.tensor(LATENTS)
    for t in scheduler.timesteps:
        if scheduler.step_index is None:
            scheduler._init_step_index(t)
        sigma = scheduler.sigmas[scheduler.step_index]
        velocity = x * x * 0.25 + x * 0.5 - sigma
        x = scheduler.step(velocity, t, x, **noise).prev_sample
    return x.tolist()


def noisy_trajectory(steps):
    scheduler = Lcm(shift=3.0)
    latents = trajectory(scheduler, steps, generator=torch.Generator().manual_seed(7))
    return {"sigmas": scheduler.sigmas.tolist(), "latents": latents}


def first_steps():
    entries = []
    for steps in (1, 3, 7, 10, 28, 40, 50):
        for strength in (0.1, 0.3, 0.35, 0.6, 0.7, 0.9, 1.0):
            pipe = types.SimpleNamespace(scheduler=schedule(steps, 3.0))
            left = StableDiffusion3Img2ImgPipeline.get_timesteps(pipe, steps, strength, "cpu")[1]
            entries.append([steps, strength, steps - left])
    return entries


def main():
    x, noise = torch.tensor(LATENTS), torch.tensor(NOISE)
    scheduler = schedule(28, 3.0)
    scheduler.set_begin_index(11)
    golden = {
        "diffusers": diffusers.__version__,
        "latents": x.tolist(),
        "noise": noise.tolist(),
        "custom": torch.tensor(CUSTOM).tolist(),
        "sigmas": sigmas(),
        "euler": {n: trajectory(Euler(shift=3.0), n) for n in (1, 2, 7, 28)},
        "heun": {n: trajectory(Heun(shift=3.0), n) for n in (1, 2, 7, 28)},
        "lcm": {n: noisy_trajectory(n) for n in (1, 2, 8)},
        "scaled_noise": scheduler.scale_noise(x, scheduler.timesteps[11:12], noise).tolist(),
        "guided": (x + 4.5 * (noise - x)).tolist(),
        "skip_layer_guided": (x + (noise - 0.3 * x) * 2.8).tolist(),
        "first_steps": first_steps(),
    }
    with open(GOLDEN, "w") as file:
        json.dump(golden, file, indent=None)
        file.write("\n")


if __name__ == "__main__":
    main()
