"""One run of sd35, stable-diffusion.cpp and diffusers over the same model, size and number of threads.

    python bench/compare_peers.py MODEL --sd35 build/bin/sd35 --sdcpp SD-CLI --single FILE.safetensors [--sizes 512 1024]

MODEL: a folder in the diffusers layout; FILE: the same model in one file of the original layout, without T5 (`sd35
make-random-model --layout single`, or `sd35 convert`), for stable-diffusion.cpp. Everything draws without T5. Leave --sdcpp or
--python out to skip a peer, name --formats to measure in pieces; --json FILE adds the rows to what earlier pieces left there,
and the table shows them all. stable-diffusion.cpp is to be built with -DGGML_NATIVE=ON -DGGML_LLAMAFILE=ON; without the latter
it is about half as fast.

A row has the seconds of text encoding, of a step (guidance on: two forwards), of decoding, from the start to the first step
with loading, and the peak of the resident memory, which counts mapped files. Programs run one after the other.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

PROMPT = "A capybara holding a sign that reads Hello World"
# A size behind a format is a limit for --max-memory.
SD35 = ["f32", "bf16", "bf16 4GB", "int8", "nf4"]
SDCPP = [f"{kind}{attention}" for kind in ("f16", "bf16", "q8_0", "q4_0") for attention in (" fa", "")]
COLUMNS = ["text", "to_step_1", "step", "decode", "memory"]


def run(command, environment=None):
    """Lines of output with the seconds at which they came, and the peak resident memory in GB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment)
    lines, rest = [], b""
    while block := os.read(process.stdout.fileno(), 65536):
        *whole, rest = re.split(rb"[\r\n]", rest + block)
        lines += [(time.perf_counter() - began, line.decode(errors="replace")) for line in whole]
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = status
    if status != 0:
        print("\n".join(line for _, line in lines[-3:]), file=sys.stderr)
        return None
    return lines, usage.ru_maxrss * 1024 / 1e9


def sd35(arguments, size, kind, work):
    command = [arguments.sd35, "generate", "--json", "-m", arguments.model, "-p", PROMPT, "--no-t5", "-o", f"{work}/o.png"]
    command += ["--width", str(size), "--height", str(size), "--steps", str(arguments.steps), "--threads", str(arguments.threads)]
    name, _, limit = kind.partition(" ")
    command += ["--dtype", name] if name in ("f32", "bf16") else ["--quantize", name]
    command += ["--max-memory", limit] if limit else []
    result = run(command)
    if result is None:
        return None
    lines, memory = result
    events = [(at, json.loads(line)) for at, line in lines if line.startswith('{"event":"progress"')]
    seconds = lambda stage: max((event["seconds"] for _, event in events if event["stage"] == stage), default=0)
    denoise = [(at, event["step"]) for at, event in events if event["stage"] == "denoise"]
    ends = {}
    for at, step in denoise:
        ends.setdefault(step, at)
    steps = [ends[step] - ends[step - 1] for step in sorted(ends) if step - 1 in ends]
    return dict(text=seconds("encode prompt"), to_step_1=denoise[0][0], step=statistics.median(steps),
                decode=seconds("decode"), memory=memory)


def sdcpp(arguments, size, kind, work):
    name, _, attention = kind.partition(" ")
    command = [arguments.sdcpp, "-m", arguments.single, "-p", PROMPT, "-o", f"{work}/o.png", "--cfg-scale", "4.5"]
    command += ["-W", str(size), "-H", str(size), "--steps", str(arguments.steps), "-t", str(arguments.threads)]
    command += ["--type", name, "-v"] + (["--diffusion-fa"] if attention else [])
    result = run(command)
    if result is None:
        return None
    lines, memory = result
    found = {}
    for at, line in lines:
        if match := re.search(r"(get_learned_condition|sampling|decode_first_stage) completed, taking ([0-9.]+)s", line):
            found[match[1]] = (at, float(match[2]))
    sampled_at, sampling = found["sampling"]
    return dict(text=found["get_learned_condition"][1], to_step_1=sampled_at - sampling, step=sampling / arguments.steps,
                decode=found["decode_first_stage"][1], memory=memory)


def diffusers(arguments, size, _, work):
    with open(f"{work}/draw.py", "w") as script:
        script.write(DIFFUSERS)
    result = run([sys.executable, script.name, arguments.model, str(size), str(arguments.steps), str(arguments.threads)])
    if result is None:
        return None
    lines, memory = result
    return dict(json.loads(lines[-1][1]), memory=memory)


DIFFUSERS = f"""
import json, sys, time
began = time.perf_counter()
import torch
from diffusers import StableDiffusion3Pipeline
folder, size, steps, threads = sys.argv[1], *map(int, sys.argv[2:])
torch.set_num_threads(threads)
pipe = StableDiffusion3Pipeline.from_pretrained(folder, text_encoder_3=None, tokenizer_3=None, torch_dtype=torch.bfloat16)
clock = time.perf_counter
with torch.no_grad():
    start = clock()
    keys = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    prompt = dict(zip(keys, pipe.encode_prompt({PROMPT!r}, None, None, negative_prompt="")))
    times = [clock()]
    text = times[0] - start
    latents = pipe(**prompt, width=size, height=size, num_inference_steps=steps, guidance_scale=4.5, output_type="latent",
                   callback_on_step_end=lambda pipe, i, t, values: times.append(clock()) or values).images
    start = clock()
    pipe.vae.decode(latents / pipe.vae.config.scaling_factor + pipe.vae.config.shift_factor)
    decode = clock() - start
spans = sorted(b - a for a, b in zip(times, times[1:]))
print(json.dumps(dict(text=text, to_step_1=times[0] - began, step=spans[len(spans) // 2], decode=decode)))
"""


def table(rows):
    for size in sorted({row["size"] for row in rows}):
        here = [row for row in rows if row["size"] == size]
        best = {name: min((row["step"] for row in here if row["program"] == name), default=0)
                for name in ("stable-diffusion.cpp", "diffusers")}
        print(f"\n{size} x {size}")
        print(f"{'':30} {'text, s':>8} {'to step 1':>9} {'step, s':>8} {'decode, s':>9} {'peak, GB':>8} {'of sd.cpp':>9} {'of diffusers':>12}")
        for row in here:
            ratios = [f"{best[name] / row['step']:.2f}x" if best[name] else "" for name in best]
            print(f"{row['program'] + ' ' + row['format']:30} {row['text']:8.2f} {row['to_step_1']:9.2f} {row['step']:8.2f} "
                  f"{row['decode']:9.2f} {row['memory']:8.2f} {ratios[0]:>9} {ratios[1]:>12}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--sd35")
    parser.add_argument("--sdcpp", help="the program sd-cli")
    parser.add_argument("--single", help="the model in one file, for --sdcpp")
    parser.add_argument("--python", action="store_true", help="measure diffusers in this Python")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--formats", nargs="+", help=f"of {SD35 + SDCPP}")
    parser.add_argument("--json", help="file of rows")
    arguments = parser.parse_args()

    rows = []
    if arguments.json and os.path.exists(arguments.json):
        with open(arguments.json) as file:
            rows = json.load(file)
    peers = [("sd35", sd35, SD35 if arguments.sd35 else []),
             ("stable-diffusion.cpp", sdcpp, SDCPP if arguments.sdcpp else []),
             ("diffusers", diffusers, ["bf16"] if arguments.python else [])]
    for size in arguments.sizes:
        for program, measure, formats in peers:
            for kind in formats:
                if arguments.formats and kind not in arguments.formats:
                    continue
                with tempfile.TemporaryDirectory() as work:
                    figures = measure(arguments, size, kind, work)
                if figures is None:
                    print(f"{program} {kind} failed", file=sys.stderr)
                    continue
                rows = [row for row in rows if (row["program"], row["format"], row["size"]) != (program, kind, size)]
                rows.append(dict(program=program, format=kind, size=size, **figures))
                if arguments.json:
                    with open(arguments.json, "w") as file:
                        json.dump(rows, file, indent=1)
    table(rows)


if __name__ == "__main__":
    main()
