"""Draws the page of docs/pictures-in.md: what the default model makes of a picture, each with the seconds that it took.

    python tools/pictures_in_grid.py MODEL -o docs/images/pictures_in.webp [--sd35 build/bin/sd35]

Needs Pillow.
"""

import argparse
import os
import subprocess
import tempfile
import time

from PIL import Image, ImageChops, ImageDraw, ImageFont

HERE = os.path.dirname(os.path.abspath(__file__))
SIDE, GAP, LABEL, COLUMNS = 192, 8, 12, 5
BEGIN = "a red apple on a green background"

# Label, prompt, options; {0} is the picture that the first one draws, {1} a mask.
ROWS = [
    ("drawn", BEGIN, "-W 192 -H 192 --seed 3"),
    ("strength 0.3", "a blue car on a yellow background", "--init {0} --strength 0.3 --seed 5"),
    ("strength 0.6", "a blue car on a yellow background", "--init {0} --strength 0.6 --seed 5"),
    ("strength 0.9", "a blue car on a yellow background", "--init {0} --strength 0.9 --seed 5"),
    ("a mask", "", ""),
    ("painted, strength 1", "a blue car on a green background", "--init {0} --mask {1} --strength 1 --seed 6"),
    ("of blurred colours", "a blue car on a green background", "--init {0} --mask {1} --inpaint-fill blur --strength 0.9 --seed 6"),
    ("that part alone", "a blue car on a green background", "--init {0} --mask {1} --only-masked 8 --strength 1 --seed 6 -W 128 -H 128"),
    ("a soft mask", "a blue car on a green background", "--init {0} --mask {1} --soft-mask --mask-blur 24 --strength 1 --seed 6"),
    ("outpainted", BEGIN, "--init {0} --outpaint 48,0,48,0 --seed 8"),
    ("96 x 96", BEGIN, "-W 96 -H 96 --seed 3"),
    ("--hires 2", BEGIN, "-W 96 -H 96 --hires 2 --seed 3"),
    ("with lanczos", BEGIN, "-W 96 -H 96 --hires 2 --upscaler lanczos --seed 3"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--sd35", default=os.path.join(HERE, "..", "build", "bin", "sd35"))
    arguments = parser.parse_args()
    pictures = []
    with tempfile.TemporaryDirectory() as folder:
        first, mask = os.path.join(folder, "0.png"), os.path.join(folder, "mask.png")
        shape = Image.new("RGB", (SIDE, SIDE))
        ImageDraw.Draw(shape).rectangle((30, 30, 165, 175), fill="white")
        shape.save(mask)
        for number, (label, prompt, options) in enumerate(ROWS):
            path = os.path.join(folder, f"{number}.png")
            if not options:
                pictures.append((label, shape))
                continue
            command = [arguments.sd35, "generate", "--model", arguments.model, "--prompt", prompt, "--quiet", "-o", path]
            began = time.perf_counter()
            subprocess.run([*command, *options.format(first, mask).split()], check=True)
            picture = Image.open(path).convert("RGB")
            pictures.append((f"{label}: {time.perf_counter() - began:.1f} s", picture))
            print(f"{label}: {time.perf_counter() - began:.2f} s, {picture.width}x{picture.height}")
            if "--mask" in options and "blur" not in options:
                kept = ImageChops.difference(pictures[0][1], picture).crop((0, 0, SIDE, 15))
                print("  not painted:", "identical" if kept.getbbox() is None else "changed")
    rows = -(-len(pictures) // COLUMNS)
    cell = SIDE + GAP, SIDE + GAP + LABEL + 4
    page = Image.new("RGB", (GAP + COLUMNS * cell[0], GAP + rows * cell[1]), "white")
    font = ImageFont.load_default(size=LABEL)
    for number, (label, picture) in enumerate(pictures):
        x, y = GAP + number % COLUMNS * cell[0], GAP + number // COLUMNS * cell[1]
        ImageDraw.Draw(page).text((x, y), label, fill="black", font=font)
        picture.thumbnail((SIDE, SIDE))
        page.paste(picture, (x, y + LABEL + 4))
    page.save(arguments.output, quality=90)


if __name__ == "__main__":
    main()
