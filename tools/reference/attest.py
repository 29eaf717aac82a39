"""What sd35 and diffusers make of one model, side by side: a JSON file and a Markdown table to show to others.

    tools/reference/attest MODEL [--size 512] [--steps 4] [-o attested]

Five prompts, seed 0, guidance 4.5. The reference is diffusers in f32, a component in memory at a time. Every stage of sd35 gets the
reference's own inputs, and its error is the norm of the difference over the norm of the reference's output: the largest of all
prompts. Pictures are drawn from the prompt by each program alone; PSNR is that to the reference's picture. Written are
hashes, versions and figures; pictures only with --pictures FOLDER, weights never.
"""

import argparse
import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

import diffusers
import numpy as np
import torch
import transformers
from PIL import Image
from safetensors.torch import load_file, save_file

from inputs import config
from compare import psnr, relative_error, type_options

PROMPTS = [
    "A capybara holding a sign that reads Hello World",
    "A whimsical image of a waffle-hippopotamus hybrid.",
    "a red circle left of a blue square on a green background",
    "three bananas",
    "A photograph of a lighthouse in a storm, long exposure, muted colours, seen from the cliffs above the bay",
]
GUIDANCE = 4.5
FORMATS = ["f32", "bf16", "int8", "nf4"]
STAGES = {
    "clip_l": ["hidden", "pooled"],
    "clip_g": ["hidden", "pooled"],
    "t5": ["hidden"],
    "transformer": ["velocity"],
    "vae_decode": ["picture"],
}


def measured(command):
    """Runs a program: its lines of output with the seconds at which they came, and the peak of its memory in GB."""
    quiet = {**os.environ, "TRANSFORMERS_VERBOSITY": "error", "HF_HUB_DISABLE_PROGRESS_BARS": "1", "PYTHONWARNINGS": "ignore"}
    with tempfile.TemporaryFile() as messages:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=messages, env=quiet)
        lines = [(time.perf_counter() - began, line.decode()) for line in process.stdout]
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            messages.seek(0)
            sys.exit(messages.read().decode(errors="replace")[-2000:] + f"attest: {' '.join(command[:4])} failed ({process.returncode})")
    return lines, usage.ru_maxrss * 1024 / 1e9


class Diffusers:
    """diffusers in one type, by processes that hold a component each (attest_reference.py)."""

    def __init__(self, arguments, kind, work):
        self.arguments, self.kind, self.work = arguments, kind, work
        self.figures = {"memory_gb": 0}

    def run(self, part, *sources):
        target = os.path.join(self.work, f"{self.kind}-{part}.safetensors")
        script = os.path.join(os.path.dirname(__file__), "attest_reference.py")
        options = ["--model", self.arguments.model, "--dtype", self.kind, "--steps", str(self.arguments.steps)]
        options += ["--guidance", str(GUIDANCE), "--threads", str(self.arguments.threads)]
        print(f"diffusers in {self.kind}: {part}", file=sys.stderr, flush=True)
        lines, memory = measured([sys.executable, script, part, ",".join(sources), target, *options])
        self.figures = {**json.loads(lines[-1][1]), **self.figures, "memory_gb": max(self.figures["memory_gb"], memory)}
        return target

    def draw(self, prompts):
        """Files of what each stage makes of the prompts."""
        files = {part: self.run(part, prompts) for part in ("clip_l", "clip_g", "t5")}
        files["transformer"] = self.run("transformer", self.run("join", *files.values(), prompts))
        files["vae_decode"] = self.run("vae_decode", files["transformer"])
        return files

    def stages(self, files, prompts):
        """Files of what each stage makes of the inputs that the stages before it made in `files`."""
        sources = stage_inputs(files, prompts)
        parts = {stage: {"transformer": "velocity"}.get(stage, stage) for stage in STAGES}
        return {stage: self.run(part, sources[stage]) for stage, part in parts.items()}


def stage_inputs(files, prompts):
    return {stage: files["transformer"] if stage in ("transformer", "vae_decode") else prompts for stage in STAGES}


def prompt_inputs(arguments, work):
    """A file of the token ids of the prompts and of the empty one, and of the noise, as diffusers' pipeline makes them."""
    clip_length = config(arguments.model, "text_encoder")["max_position_embeddings"]
    tensors = {}
    for which, name, length in (
        ("clip_l", "tokenizer", clip_length),
        ("clip_g", "tokenizer_2", clip_length),
        ("t5", "tokenizer_3", arguments.max_sequence_length),
    ):
        tokenizer = transformers.AutoTokenizer.from_pretrained(os.path.join(arguments.model, name))
        ids = tokenizer([*PROMPTS, ""], padding="max_length", max_length=length, truncation=True, return_tensors="pt").input_ids
        for n in range(len(ids)):
            tensors[f"{which}/{n}/ids"] = ids[n : n + 1].to(torch.int32)
    channels, side = config(arguments.model, "transformer")["in_channels"], arguments.size // 8
    tensors["noise"] = torch.randn(1, channels, side, side, generator=torch.Generator("cpu").manual_seed(0))
    path = os.path.join(work, "prompts.safetensors")
    save_file(tensors, path)
    return path


def picture_of(tensor):
    """[1, 3, H, W] from -1 to 1 -> [H, W, 3] bytes, as diffusers' image processor rounds."""
    return ((tensor[0] / 2 + 0.5).clamp(0, 1) * 255).round().permute(1, 2, 0).numpy().astype(np.uint8)


def stage_errors(file, reference):
    """The largest error of each output of a stage over its cases."""
    values, errors = load_file(file), {}
    for name, expected in load_file(reference).items():
        stage, _, output = name.split("/")
        if name in values and output in STAGES[stage]:
            key = f"{stage} {output}"
            errors[key] = max(errors.get(key, 0), relative_error(values[name], expected))
    return errors


def sd35_stages(arguments, kind, files, prompts, work):
    errors, sources = {}, stage_inputs(files, prompts)
    for stage in STAGES:
        if kind not in ("f32", "bf16") and stage != "transformer":
            continue
        print(f"sd35 in {kind}: {stage}", file=sys.stderr, flush=True)
        target = os.path.join(work, "stage.safetensors")
        command = [arguments.stages, "--model", arguments.model, "--inputs", sources[stage], "--only", stage, "-o", target]
        measured(command + type_options(kind))
        errors |= stage_errors(target, files[stage])
    return errors


def sd35_pictures(arguments, kind, work):
    """The pictures, and what drawing them took."""
    pictures, steps, decode, memory = [], [], [], 0
    for prompt in PROMPTS:
        print(f"sd35 in {kind}: {prompt}", file=sys.stderr, flush=True)
        path = os.path.join(work, "picture.png")
        command = [arguments.sd35, "generate", "--json", "-m", arguments.model, "-p", prompt, "-o", path, "-s", "0"]
        command += ["-W", str(arguments.size), "-H", str(arguments.size), "--steps", str(arguments.steps), "--sampler", "euler"]
        command += ["--guidance-scale", str(GUIDANCE), "--max-sequence-length", str(arguments.max_sequence_length)]
        command += ["--noise-dtype", "f32", "--threads", str(arguments.threads), *type_options(kind)]
        lines, peak = measured(command)
        events = [(at, json.loads(line)) for at, line in lines if line.startswith('{"event":"progress"')]
        ends = {}
        for at, event in events:
            if event["stage"] == "denoise":
                ends.setdefault(event["step"], at)
        steps += [ends[step] - ends[step - 1] for step in sorted(ends) if step - 1 in ends]
        decode.append(max(event["seconds"] for _, event in events if event["stage"] == "decode"))
        memory = max(memory, peak)
        with Image.open(path) as picture:
            pictures.append(np.asarray(picture.convert("RGB")))
    median = statistics.median
    return pictures, dict(step_s=median(steps), decode_s=median(decode), memory_gb=memory)


def hashes_of(folder):
    """SHA-256 of every file that says what the model is."""
    found = {}
    for directory, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(directory, name)
            if name.endswith((".safetensors", ".json", ".txt", ".model")):
                with open(path, "rb") as file:
                    found[os.path.relpath(path, folder)] = hashlib.file_digest(file, "sha256").hexdigest()
    return dict(sorted(found.items()))


def processor():
    with open("/proc/cpuinfo") as file:
        names = [line.split(":", 1)[1].strip() for line in file if line.startswith("model name")]
    return names[0] if names else platform.processor()


def circumstances(arguments):
    version = subprocess.run([arguments.sd35, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    here = os.path.dirname(os.path.abspath(__file__))
    commit = subprocess.run(["git", "-C", here, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return {
        "model": os.path.basename(os.path.normpath(arguments.model)),
        "files": hashes_of(arguments.model),
        "sd35": version,
        "commit": commit,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "processor": processor(),
        "threads": arguments.threads,
        "memory_gb": round(gigabytes, 1),
        "date": time.strftime("%Y-%m-%d"),
        "size": arguments.size,
        "steps": arguments.steps,
        "max_sequence_length": arguments.max_sequence_length,
    }


def markdown(report):
    about = report["about"]
    weights = [f"`{name}` {digest[:16]}" for name, digest in about["files"].items() if name.endswith(".safetensors")]
    text = [f"## {about['model']}, {about['size']} x {about['size']}, {about['steps']} steps", ""]
    text += [f"{about['sd35']} (commit {about['commit']}), torch {about['torch']}, diffusers {about['diffusers']}, transformers {about['transformers']};"]
    text += [f"{about['processor']}, {about['threads']} threads, {about['memory_gb']} GB; {about['date']}.", ""]
    text += ["Weights, the first 16 digits of their SHA-256: " + ", ".join(weights) + ".", ""]
    columns = list(report["stages"])
    text += ["| largest error of a stage | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    for output in report["stages"]["sd35 f32"]:
        cells = [f"{report['stages'][c][output]:.1e}" if output in report["stages"][c] else "" for c in columns]
        text.append(f"| {output} | " + " | ".join(cells) + " |")
    text += ["", "| pictures | PSNR, lowest and median | a step, s | decoding, s | memory, GB |", "| --- | --- | --- | --- | --- |"]
    for name, row in report["pictures"].items():
        lowest, median = min(row["psnr"]), statistics.median(row["psnr"])
        quality = f"{lowest:.1f}, {median:.1f} dB" if lowest < float("inf") else "equal"
        text.append(f"| {name} | {quality} | {row['step_s']:.2f} | {row['decode_s']:.2f} | {row['memory_gb']:.2f} |")
    return "\n".join(text) + "\n"


def keep(folder, name, pictures):
    if folder:
        os.makedirs(folder, exist_ok=True)
        for n, picture in enumerate(pictures):
            Image.fromarray(picture).save(os.path.join(folder, f"{name.replace(' ', '-')}-{n}.png"))


def pictures_in(file):
    tensors = load_file(file)
    return [picture_of(tensors[f"vae_decode/{n}/picture"]) for n in range(len(PROMPTS))]


def attest(arguments, work):
    report = {"about": circumstances(arguments), "prompts": PROMPTS, "stages": {}, "pictures": {}}
    prompts = prompt_inputs(arguments, work)
    program = Diffusers(arguments, "f32", work)
    files = program.draw(prompts)
    references = pictures_in(files["vae_decode"])

    def add(name, pictures, figures):
        quality = [psnr(picture, reference) for picture, reference in zip(pictures, references)]
        report["pictures"][name] = {"psnr": quality, **figures}
        keep(arguments.pictures, name, pictures)

    add("diffusers f32", references, program.figures)
    for kind in arguments.formats:
        report["stages"][f"sd35 {kind}"] = sd35_stages(arguments, kind, files, prompts, work)
        add(f"sd35 {kind}", *sd35_pictures(arguments, kind, work))
    program = Diffusers(arguments, "bf16", work)
    add("diffusers bf16", pictures_in(program.draw(prompts)["vae_decode"]), program.figures)
    errors = {}
    for stage, file in program.stages(files, prompts).items():
        errors |= stage_errors(file, files[stage])
    report["stages"]["diffusers bf16"] = errors
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a folder in the diffusers layout")
    parser.add_argument("--size", type=int, default=512, help="pixels per side")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--max-sequence-length", type=int, default=256, help="tokens of T5")
    parser.add_argument("--formats", nargs="+", default=FORMATS, choices=FORMATS, help="of sd35; f32 among them")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--pictures", metavar="FOLDER", help="keep the pictures here")
    parser.add_argument("-o", "--output", default="attested", help="NAME.json and NAME.md; default: attested")
    parser.add_argument("--sd35", required=True, help="the program sd35")
    parser.add_argument("--stages", required=True, help="the program sd35-stages")
    arguments = parser.parse_args()
    if not os.path.isfile(os.path.join(arguments.model, "model_index.json")):
        parser.error(f"{arguments.model} is not a folder in the diffusers layout: it has no model_index.json")
    if "f32" not in arguments.formats:
        parser.error("--formats needs f32, which the other formats are read beside")
    with tempfile.TemporaryDirectory() as work:
        report = attest(arguments, work)
    with open(arguments.output + ".json", "w") as file:
        json.dump(report, file, indent=1)
    with open(arguments.output + ".md", "w") as file:
        file.write(markdown(report))
    print(f"{arguments.output}.json, {arguments.output}.md", file=sys.stderr)


if __name__ == "__main__":
    main()
