"""Samples a second of `sd35 train` and of the same step in Python (diffusers' module, torch's autograd and AdamW), in one run.

    python bench/compare_training.py MODEL --sd35 build/bin/sd35 --machine build/bench/bench_machine [--threads 2]

MODEL: a folder in the diffusers layout. Give --sd35 several times to compare builds. The same transformer, batch, sizes and
f32 everywhere; sd35 reads its latents and embeddings from its cache, as it does from the second pass over the data on, while
Python takes random ones out of memory. Rounds alternate, and the median counts.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time


def forward_flops(config, image_tokens, text_tokens):
    """As bench_pipeline: multiply-adds count twice; modulation and embedders are left out."""
    width = config["num_attention_heads"] * config["attention_head_dim"]
    tokens, flops = image_tokens + text_tokens, 0
    for block in range(config["num_layers"]):
        last = block + 1 == config["num_layers"]
        flops += 2 * width * width * (12 * image_tokens + (3 if last else 12) * text_tokens)
        flops += 4 * width * (image_tokens if last else tokens) * tokens
        if block in config["dual_attention_layers"]:
            flops += 2 * width * width * 4 * image_tokens + 4 * width * image_tokens * image_tokens
    return flops


def text_tokens(arguments):
    with open(os.path.join(arguments.model, "text_encoder", "config.json")) as file:
        return json.load(file)["max_position_embeddings"] + arguments.t5_tokens


def run(command, environment=None):
    """Output and peak resident memory in GB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        sys.exit(f"{command[0]} failed")
    return output, usage.ru_maxrss * 1024 / 1e9


def write_data(folder, size, count):
    import numpy
    from PIL import Image

    random = numpy.random.default_rng(0)
    for index in range(count):
        Image.fromarray(random.integers(0, 256, (size, size, 3), dtype=numpy.uint8)).save(f"{folder}/{index}.png")
        with open(f"{folder}/{index}.txt", "w") as caption:
            caption.write(f"picture {index}")


def sd35_speed(program, arguments, work):
    """Median samples a second of the steps after the first pass over the data."""
    with tempfile.TemporaryDirectory(dir=work) as output:
        config = {
            "task": "transformer",
            "model": os.path.abspath(arguments.model),
            "data": f"{work}/data",
            "cache": f"{work}/cache",
            "dtype": "f32",
            "stages": [
                {
                    "steps": arguments.steps,
                    "batch_size": arguments.batch,
                    "resolutions": [arguments.size],
                    "max_sequence_length": arguments.t5_tokens,
                }
            ],
            "checkpoint_every": 1000000,
            "log_every": 1,
        }
        with open(f"{output}/config.json", "w") as file:
            json.dump(config, file)
        command = [program, "train", "--quiet", "--threads", str(arguments.threads), file.name, "-o", f"{output}/run"]
        _, memory = run(command)
        with open(f"{output}/run/metrics.jsonl") as file:
            speeds = [json.loads(line)["samples_per_second"] for line in file]
    return statistics.median(speeds[2:]), memory


def python_step(arguments):
    """In a process of its own: prints the median samples a second."""
    import torch
    from diffusers import SD3Transformer2DModel

    torch.set_num_threads(arguments.threads)
    model = SD3Transformer2DModel.from_pretrained(arguments.model, subfolder="transformer", torch_dtype=torch.float32)
    model.train()
    config, batch, side = model.config, arguments.batch, arguments.size // 8
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, fused=True)
    speeds = []
    for _ in range(arguments.steps):
        began = time.perf_counter()
        clean, noise = torch.randn(2, batch, config.in_channels, side, side)
        sigma = torch.rand(batch, 1, 1, 1)
        velocity = model(
            hidden_states=(1 - sigma) * clean + sigma * noise,
            encoder_hidden_states=torch.randn(batch, text_tokens(arguments), config.joint_attention_dim),
            pooled_projections=torch.randn(batch, config.pooled_projection_dim),
            timestep=sigma.flatten() * 1000,
            return_dict=False,
        )[0]
        loss = (velocity - (noise - clean)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        loss.item()
        speeds.append(batch / (time.perf_counter() - began))
    print(statistics.median(speeds[2:]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--sd35", action="append", default=[], help="the program sd35, built with the trainer")
    parser.add_argument("--machine", help="the program bench_machine")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--size", type=int, default=256, help="pixels per side")
    parser.add_argument("--t5-tokens", type=int, default=77, help="those of CLIP come on top")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--python-step", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.python_step:
        return python_step(arguments)

    with open(os.path.join(arguments.model, "transformer", "config.json")) as file:
        config = json.load(file)
    flops = 3 * forward_flops(config, (arguments.size // 16) ** 2, text_tokens(arguments))
    ceiling = json.loads(run([arguments.machine, str(arguments.threads)])[0])["f32"]
    speeds, memories = {}, {}
    with tempfile.TemporaryDirectory() as work:
        os.makedirs(f"{work}/data")
        write_data(f"{work}/data", arguments.size, arguments.batch)
        for _ in range(arguments.rounds):
            for program in arguments.sd35:
                speed, memory = sd35_speed(program, arguments, work)
                speeds.setdefault(program, []).append(speed)
                memories[program] = memory
            output, memory = run([sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--python-step"])
            speeds.setdefault("Python", []).append(float(output))
            memories["Python"] = memory
    python = statistics.median(speeds["Python"])
    print(f"{arguments.size} x {arguments.size}, {text_tokens(arguments)} text tokens, batch {arguments.batch}, "
          f"{arguments.threads} threads, f32 ceiling {ceiling:.0f} GFLOP/s")
    print(f"{'':40} {'samples/s':>10} {'of Python':>10} {'ceiling':>8} {'peak, GB':>9}")
    for name, values in speeds.items():
        speed = statistics.median(values)
        print(f"{name[-40:]:40} {speed:10.2f} {speed / python:9.2f}x {100 * speed * flops / ceiling / 1e9:7.0f}% "
              f"{memories[name]:9.2f}")


if __name__ == "__main__":
    main()
