"""Runs every stage of a model live in diffusers and in sd35 and prints how far they are apart.

    python tools/reference/compare.py MODEL_FOLDER --stages build/bin/sd35-stages [--formats f32 bf16 int8 nf4] [--size 512] [--only t5 vae]

The error is the norm of the difference over the norm of the f32 reference. For bf16 two figures stand side by side: sd35's bf16 and
diffusers' bf16, both against diffusers' f32. int8 and nf4 are the transformer's weights, computed with in bf16.
"""

import argparse
import os
import subprocess
import tempfile

import torch
from safetensors.torch import load_file, save_file

import inputs as make_inputs
import stages


def relative_error(value, reference):
    return ((value.double() - reference.double()).norm() / reference.double().norm()).item()


def sd35(binary, folder, inputs, form, engine, work):
    source, target = os.path.join(work, "inputs.safetensors"), os.path.join(work, "outputs.safetensors")
    save_file(inputs, source)
    command = [binary, "--model", folder, "--inputs", source, "--engine", engine, "-o", target]
    command += ["--dtype", form] if form in ("f32", "bf16") else ["--dtype", "bf16", "--quantize", form]
    subprocess.run(command, check=True)
    return load_file(target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--stages", required=True, help="the program sd35-stages")
    parser.add_argument("--formats", nargs="+", default=["f32"], choices=["f32", "bf16", "int8", "nf4", "nf4-dq"])
    parser.add_argument("--engine", default="native")
    parser.add_argument("--size", type=int, default=256, help="pixels a side")
    parser.add_argument("--t5-length", type=int, default=256)
    parser.add_argument("--only", nargs="+", choices=list(stages.STAGES))
    arguments = parser.parse_args()

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
