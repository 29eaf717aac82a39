"""What settings cost and how far they are from the picture of all steps: the table of docs/quality-and-cost.md.

    python bench/quality_and_cost.py MODEL [--sd35 build/bin/sd35] [--size 128] [--prompts FILE] [--scored FOLDER]

Every setting draws the same prompts with the same seeds. A forward is one pass through the transformer, over the prompt and the negative
one together where there is guidance; seconds are of denoising alone, for one picture, beside the reference in the same run. PSNR is that to the picture of 40 steps of Euler
with guidance 4.5: it says how much a setting changes a picture, not whether the change is for the worse. Needs NumPy and Pillow.

With --scored, `sd35 evaluate` scores each setting on the prompts of FOLDER/*.jsonl (sd35 make-dataset --prompts), with the same seeds: the
share of pictures that pass the first check of their kind, and how far that is from the reference's, with a 95 % interval of the paired
differences. Reports stay in FOLDER; what was drawn there is not drawn again.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

PROMPTS = [
    "a red apple on a green background",
    "three bananas",
    "a blue square left of a yellow circle",
    'a capybara holding a sign that reads "Hello"',
    "a cat at night",
    "a green car on a pink background",
    "two red circles",
    'a sign that reads "Hi"',
    "a big orange",
    "a tree right of a house",
    "five blue triangles",
    "a dog on a white background",
]
REFERENCE = "--steps 40 --sampler euler"
SETTINGS = [
    REFERENCE,
    "--steps 28 --sampler euler",
    "--steps 20 --sampler euler",
    "--steps 14 --sampler euler",
    "--steps 10 --sampler euler",
    "--steps 7 --sampler euler",
    "--steps 20 --sampler heun",
    "--steps 12 --sampler dpm++2m",
    "--steps 40 --sampler euler_a",
    "--steps 8 --sampler lcm",
    "--steps 40 --forecast 2",
    "--steps 20 --forecast 2",
    "--steps 40 --block-cache 0.1",
    "--steps 40 --guidance-interval 0,0.5",
    "--steps 10 --guidance-interval 0,0.7",
    "--steps 8 --guidance-interval 0,0.7",
    "--steps 6 --guidance-interval 0,0.7",
    "--steps 40 --guidance-scale 1",
    "--steps 40 --cfg-zero",
    "--steps 40 --apg 0,15,-0.5",
    "--steps 40 --guidance-rescale 0.7",
    "--preset turbo",
    "--steps 40 --dtype f32",
    "--steps 40 --quantize int8",
    "--steps 40 --quantize nf4",
]


def forwards_and_seconds(trace):
    """Of a profile: the passes through the transformer, and what denoising took."""
    events = [event for event in json.load(open(trace))["traceEvents"] if event.get("ph") == "X"]
    seconds = sum(event["dur"] for event in events if event["name"] == "denoise") / 1e6
    return sum(event["name"] == "forward" for event in events), seconds


def draw(arguments, options, folder):
    pictures, forwards, seconds = [], 0, 0.0
    for number, prompt in enumerate(arguments.texts):
        path, trace = os.path.join(folder, f"{number}.png"), os.path.join(folder, "trace.json")
        command = [arguments.sd35, "generate", "--model", arguments.model, "--prompt", prompt, "--seed", str(10 + number), "--quiet"]
        size = ["--width", str(arguments.size), "--height", str(arguments.size)]
        subprocess.run([*command, *size, "-o", path, "--profile", trace, *options.split()], check=True, stderr=subprocess.DEVNULL)
        pictures.append(np.array(Image.open(path).convert("RGB")).astype(float))
        count, spent = forwards_and_seconds(trace)
        forwards, seconds = forwards + count, seconds + spent
    return pictures, forwards / len(pictures), seconds / len(pictures)


def passed(arguments, options):
    """Of the scored pictures in order: whether each passes the first check of its kind, 1 or 0."""
    report = os.path.join(arguments.scored, "".join(c if c.isalnum() or c in ".+" else "_" for c in options).strip("_"))
    prompts = sorted(glob.glob(os.path.join(arguments.scored, "*.jsonl")))
    command = [arguments.sd35, "evaluate", "--model", arguments.model, "--prompts", *prompts, "-o", report, "--no-drawn", "--quiet"]
    subprocess.run([*command, *options.split()], check=True, stdout=subprocess.DEVNULL)
    pictures = json.load(open(os.path.join(report, "report.json")))["prompts"]
    return np.array([list(next(iter(picture["pictures"].values()))["checks"].values())[0] for picture in pictures], float)


def scores(values, reference):
    """Two cells: percent passed; points from the reference with the ends of the 95 % interval."""
    difference = 100 * (values - reference)
    reach = 1.96 * difference.std(ddof=1) / len(difference) ** 0.5
    mean = difference.mean()
    return f" {100 * values.mean():.1f} | {mean:+.1f} ({mean - reach:+.1f} to {mean + reach:+.1f}) |"


def psnr(a, b):
    return 10 * np.log10(255**2 / max(np.mean((a - b) ** 2), 1e-9))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--sd35", default=os.path.join(os.path.dirname(__file__), "..", "build", "bin", "sd35"))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--prompts", help="a file with one per line")
    parser.add_argument("--scored", metavar="FOLDER", help="prompts to score, and where the reports go")
    arguments = parser.parse_args()
    arguments.texts = [line.strip() for line in open(arguments.prompts) if line.strip()] if arguments.prompts else PROMPTS
    scored = arguments.scored is not None
    print("| setting | forwards | seconds | of the reference's | PSNR, lowest and mean |" + scored * " score | paired difference |")
    print("| --- | --- | --- | --- | --- |" + scored * " --- | --- |")
    reference, seconds_of_reference, passed_by_reference = None, 0, None
    for options in SETTINGS:
        with tempfile.TemporaryDirectory() as folder:
            pictures, forwards, seconds = draw(arguments, options, folder)
        if reference is None:
            reference, seconds_of_reference = pictures, seconds
        values = [psnr(picture, expected) for picture, expected in zip(pictures, reference)]
        distance = "the reference" if pictures is reference else f"{min(values):.1f}, {np.mean(values):.1f} dB"
        row = f"| `{options}` | {forwards:.0f} | {seconds:.2f} | {seconds / seconds_of_reference:.2f} | {distance} |"
        if scored:
            values = passed(arguments, options)
            passed_by_reference = values if passed_by_reference is None else passed_by_reference
            row += scores(values, passed_by_reference)
        print(row)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
