"""Runs a model live in diffusers and in sd35, stage by stage or from the prompt to the picture, and prints how far apart they are.

    python tools/reference/compare.py MODEL_FOLDER --stages build/bin/sd35-stages [--formats f32 bf16 int8 nf4] [--size 512] [--only t5 vae]
    python tools/reference/compare.py MODEL_FOLDER --pictures build/bin/sd35 [--formats f32 bf16] [--size 256] [--seeds 2] [--steps 20]

Of the stages the error is the norm of the difference over the norm of the f32 reference. For bf16 two figures stand side by side: sd35's bf16 and
diffusers' bf16, both against diffusers' f32. int8 and nf4 are the transformer's weights, computed with in bf16.

Pictures are those of diffusers in f32 and of sd35 in each format, from the same noise, by Euler's method: the PSNR, and the largest
difference of a byte. A folder whose transformer is plain fp8 is widened by diffusers as it loads.
"""

import argparse
import os
import subprocess
import tempfile

import numpy as np
import torch
from diffusers import StableDiffusion3Pipeline
from PIL import Image
from safetensors.torch import load_file, save_file

import inputs as make_inputs
import stages


def relative_error(value, reference):
    return ((value.double() - reference.double()).norm() / reference.double().norm()).item()


def sd35(binary, folder, inputs, form, engine, work):
    source, target = os.path.join(work, "inputs.safetensors"), os.path.join(work, "outputs.safetensors")
    save_file(inputs, source)
    command = [binary, "--model", folder, "--inputs", source, "--engine", engine, "-o", target]
    subprocess.run(command + type_options(form), check=True)
    return load_file(target)


def psnr(a, b):
    error = np.mean((a.astype(np.float64) - b.astype(np.float64)) ** 2)
    return float("inf") if error == 0 else 10 * np.log10(255**2 / error)


def type_options(form):
    return ["--dtype", form] if form in ("f32", "bf16") else ["--dtype", "bf16", "--quantize", form]


def compare_pictures(arguments):
    pipe = StableDiffusion3Pipeline.from_pretrained(arguments.model, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    print(f"{'prompt':60} {'seed':>4} {'sd35':>6} {'PSNR':>9} {'largest difference':>18}")
    side, steps, length = str(arguments.size), str(arguments.steps), str(arguments.t5_length)
    with tempfile.TemporaryDirectory() as work:
        path = os.path.join(work, "picture.png")
        for prompt in arguments.prompts:
            for seed in range(arguments.seeds):
                theirs = pipe(
                    prompt,
                    width=arguments.size,
                    height=arguments.size,
                    num_inference_steps=arguments.steps,
                    guidance_scale=arguments.guidance,
                    max_sequence_length=arguments.t5_length,
                    generator=torch.Generator("cpu").manual_seed(seed),
                ).images[0]
                theirs = np.asarray(theirs)
                for form in arguments.formats:
                    command = [arguments.pictures, "generate", "--quiet", "--model", arguments.model, "--prompt", prompt]
                    command += ["-W", side, "-H", side, "--steps", steps, "--sampler", "euler", "--seed", str(seed), "-o", path]
                    command += ["--guidance-scale", str(arguments.guidance), "--max-sequence-length", length]
                    # diffusers draws its noise in f32 too.
                    subprocess.run([*command, "--noise-dtype", "f32", *type_options(form)], check=True)
                    with Image.open(path) as picture:
                        ours = np.asarray(picture.convert("RGB"))
                    largest = np.abs(ours.astype(int) - theirs.astype(int)).max()
                    print(f"{prompt[:60]:60} {seed:4} {form:>6} {psnr(ours, theirs):6.2f} dB {largest:18}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--stages", help="the program sd35-stages")
    what.add_argument("--pictures", help="the program sd35")
    parser.add_argument("--formats", nargs="+", default=["f32"], choices=["f32", "bf16", "int8", "nf4", "nf4-dq"])
    parser.add_argument("--engine", default="native")
    parser.add_argument("--size", type=int, default=256, help="pixels per side")
    parser.add_argument("--t5-length", type=int, default=256)
    parser.add_argument("--only", nargs="+", choices=list(stages.STAGES))
    parser.add_argument("--prompts", nargs="+", default=make_inputs.PROMPTS[:1], help="of the pictures")
    parser.add_argument("--seeds", type=int, default=2, help="pictures of each prompt")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--guidance", type=float, default=4.5)
    arguments = parser.parse_args()
    if arguments.pictures:
        return compare_pictures(arguments)

    side = arguments.size // 8
    inputs = make_inputs.make(arguments.model, [(side, side)], arguments.t5_length, side, batch_2=False)
    print(f"{'output':32} {'shape':22} {'sd35':>6} {'error':>9} {'diffusers in it':>16}")
    with tempfile.TemporaryDirectory() as work:
        for name in arguments.only or stages.STAGES:
            mine = {k: v for k, v in inputs.items() if k.startswith(name)}
            reference = stages.run(arguments.model, mine, torch.float32, [name])
            for form in arguments.formats:
                if form not in ("f32", "bf16") and name != "transformer":
                    continue
                ours = sd35(arguments.stages, arguments.model, mine, form, arguments.engine, work)
                theirs = stages.run(arguments.model, mine, torch.bfloat16, [name]) if form == "bf16" else None
                for key, value in reference.items():
                    error = relative_error(ours[key], value)
                    peer = f"{relative_error(theirs[key], value):16.2e}" if theirs else ""
                    print(f"{key:32} {str(list(value.shape)):22} {form:>6} {error:9.2e} {peer}", flush=True)


if __name__ == "__main__":
    main()
