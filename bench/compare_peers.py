"""One run of sd35, diffusers, OpenVINO and stable-diffusion.cpp over the same model, size and number of threads.

    python bench/compare_peers.py MODEL --sd35 build/bin/sd35 [--sdcpp SD-CLI --single FILE.safetensors] [--sizes 512 1024]

MODEL: a folder in the diffusers layout. Everything draws with all three text encoders, 333 tokens of a prompt, as a user does;
--no-t5 leaves the largest out. diffusers and OpenVINO (packages openvino and nncf, with diffusers) are measured where this Python
has them; OpenVINO runs the transformer that openvino.convert_model makes of diffusers' one, in bf16 and with its weights in 8 bits
(nncf.compress_weights), which needs memory for two copies in f32 and is kept in --openvino FOLDER. FILE: the model in one file of
the original layout (`sd35 convert`, or `sd35 make-random-model --layout single`), with T5 unless --no-t5, for stable-diffusion.cpp,
which is to be built with -DGGML_NATIVE=ON -DGGML_LLAMAFILE=ON; without the latter it is about half as fast. --programs and --formats
measure in pieces; --json FILE adds the rows to what earlier pieces left there, and the table shows them all.

A row has the seconds of text encoding, of a step (guidance on: two forwards), of decoding, from the start to the first step
with loading, and the peak of the resident memory, which counts mapped files. Programs run one after the other.
"""

import argparse
import importlib.util
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
OPENVINO = ["bf16", "int8 weights"]
SDCPP = [f"{kind}{attention}" for kind in ("f16", "bf16", "q8_0", "q4_0") for attention in (" fa", "")]
PEERS = ["diffusers", "OpenVINO", "stable-diffusion.cpp"]


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
    command = [arguments.sd35, "generate", "--json", "-m", arguments.model, "-p", PROMPT, "-o", f"{work}/o.png"]
    command += ["--no-t5"] if arguments.no_t5 else []
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


def python(script, *values):
    """Runs a script of this Python and returns its last line, which is JSON, with the peak memory."""
    result = run([sys.executable, "-c", script, *map(str, values)])
    if result is None:
        return None
    lines, memory = result
    return dict(json.loads(lines[-1][1]), memory=memory)


def diffusers(arguments, size, _, work):
    return python(DRAW, arguments.model, size, arguments.steps, arguments.threads, int(arguments.no_t5))


def openvino(arguments, size, kind, work):
    kept = arguments.openvino or work
    converted = f"{kept}/{size}-{kind.split()[0]}.xml"
    if not os.path.exists(converted):
        os.makedirs(kept, exist_ok=True)
        if python(CONVERT, arguments.model, size, arguments.threads, kind.split()[0], converted) is None:
            return None
    return python(DRAW, arguments.model, size, arguments.steps, arguments.threads, int(arguments.no_t5), converted)


# The transformer of diffusers as OpenVINO has it, for pictures of one size.
CONVERT = """
import json, sys
import nncf, openvino, torch
from diffusers import SD3Transformer2DModel
folder, size, threads, kind, converted = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:]
torch.set_num_threads(threads)
transformer = SD3Transformer2DModel.from_pretrained(folder, subfolder="transformer", torch_dtype=torch.float32).eval()
config = transformer.config

class Step(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.transformer = transformer
    def forward(self, hidden_states, encoder_hidden_states, pooled_projections, timestep):
        return self.transformer(hidden_states, encoder_hidden_states, pooled_projections, timestep, return_dict=False)[0]

side = size // 8
inputs = dict(hidden_states=torch.randn(2, config.in_channels, side, side),
              encoder_hidden_states=torch.randn(2, 333, config.joint_attention_dim),
              pooled_projections=torch.randn(2, config.pooled_projection_dim), timestep=torch.tensor([500.0, 500.0]))
with torch.no_grad():
    model = openvino.convert_model(Step(), example_input=inputs)
if kind == "int8":
    model = nncf.compress_weights(model)
openvino.save_model(model, converted)
print(json.dumps(dict(converted=converted)))
"""

# A picture by diffusers, or with a transformer of CONVERT in place of its own.
DRAW = f"""
import json, sys, time
began = time.perf_counter()
import torch
from diffusers import StableDiffusion3Pipeline
folder, size, steps, threads, no_t5 = sys.argv[1], *map(int, sys.argv[2:6])
converted = sys.argv[6] if len(sys.argv) > 6 else None
torch.set_num_threads(threads)
left_out = dict(text_encoder_3=None, tokenizer_3=None) if no_t5 else {{}}
if converted:
    left_out["transformer"] = None
pipe = StableDiffusion3Pipeline.from_pretrained(folder, torch_dtype=torch.bfloat16, **left_out)
clock = time.perf_counter

class Compiled:
    # What the pipeline asks of a transformer, with static shapes, which OpenVINO is fastest with.
    def __init__(self, embeds, pooled):
        import openvino
        from diffusers import SD3Transformer2DModel
        config = SD3Transformer2DModel.load_config(folder, subfolder="transformer")
        self.config, self.dtype = type("Config", (), config), torch.float32
        side = size // 8
        model = openvino.Core().read_model(converted)
        shapes = [(2, config["in_channels"], side, side), (2, *embeds.shape[1:]), (2, *pooled.shape[1:]), (2,)]
        model.reshape({{port.get_any_name(): openvino.PartialShape(shape) for port, shape in zip(model.inputs, shapes)}})
        hints = dict(PERFORMANCE_HINT="LATENCY", INFERENCE_NUM_THREADS=threads, INFERENCE_PRECISION_HINT="bf16")
        self.model = openvino.Core().compile_model(model, "CPU", hints)
    def __call__(self, hidden_states, timestep, encoder_hidden_states, pooled_projections, **_):
        inputs = [hidden_states, encoder_hidden_states, pooled_projections, timestep]
        result = self.model([x.float().contiguous().numpy() for x in inputs])[0]
        return (torch.from_numpy(result).to(hidden_states.dtype),)

with torch.no_grad():
    start = clock()
    keys = ("prompt_embeds", "negative_prompt_embeds", "pooled_prompt_embeds", "negative_pooled_prompt_embeds")
    prompt = dict(zip(keys, pipe.encode_prompt({PROMPT!r}, None, None, negative_prompt="")))
    text = clock() - start
    if converted:
        pipe.transformer = Compiled(prompt["prompt_embeds"], prompt["pooled_prompt_embeds"])
    times = [clock()]
    latents = pipe(**prompt, width=size, height=size, num_inference_steps=steps, guidance_scale=4.5, output_type="latent",
                   callback_on_step_end=lambda pipe, i, t, values: times.append(clock()) or values).images
    start = clock()
    pipe.vae.decode(latents.to(pipe.vae.dtype) / pipe.vae.config.scaling_factor + pipe.vae.config.shift_factor)
    decode = clock() - start
spans = sorted(b - a for a, b in zip(times, times[1:]))
print(json.dumps(dict(text=text, to_step_1=times[0] - began, step=spans[len(spans) // 2], decode=decode)))
"""


def table(rows):
    for size in sorted({row["size"] for row in rows}):
        here = [row for row in rows if row["size"] == size]
        best = {name: min((row["step"] for row in here if row["program"] == name), default=0) for name in PEERS}
        print(f"\n{size} x {size}")
        print(f"{'':30} {'text, s':>8} {'to step 1':>9} {'step, s':>8} {'decode, s':>9} {'peak, GB':>8} "
              + " ".join(f"{'of ' + name:>23}" for name in PEERS))
        for row in here:
            ratios = " ".join(f"{best[name] / row['step']:.2f}x".rjust(23) if best[name] else " " * 23 for name in PEERS)
            print(f"{row['program'] + ' ' + row['format']:30} {row['text']:8.2f} {row['to_step_1']:9.2f} {row['step']:8.2f} "
                  f"{row['decode']:9.2f} {row['memory']:8.2f} {ratios}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--sd35")
    parser.add_argument("--sdcpp", help="the program sd-cli")
    parser.add_argument("--single", help="the model in one file, for --sdcpp")
    parser.add_argument("--openvino", metavar="FOLDER", help="where the converted transformers are kept")
    parser.add_argument("--no-t5", action="store_true", help="everything without the largest text encoder")
    parser.add_argument("--sizes", type=int, nargs="+", default=[512, 1024])
    parser.add_argument("--steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--programs", nargs="+", help=f"of {['sd35'] + PEERS}")
    parser.add_argument("--formats", nargs="+", help=f"of {SD35 + OPENVINO[1:] + SDCPP}")
    parser.add_argument("--json", help="file of rows")
    arguments = parser.parse_args()

    rows = []
    if arguments.json and os.path.exists(arguments.json):
        with open(arguments.json) as file:
            rows = json.load(file)
    has = lambda *packages: all(importlib.util.find_spec(package) for package in packages)
    peers = [("sd35", sd35, SD35 if arguments.sd35 else []),
             ("diffusers", diffusers, ["bf16"] if has("diffusers") else []),
             ("OpenVINO", openvino, OPENVINO if has("diffusers", "openvino", "nncf") else []),
             ("stable-diffusion.cpp", sdcpp, SDCPP if arguments.sdcpp else [])]
    print("not measured, because it is not here:", ", ".join(name for name, _, formats in peers if not formats) or "nothing")
    if arguments.programs:
        peers = [peer for peer in peers if peer[0] in arguments.programs]
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
