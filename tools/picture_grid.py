"""Draws prompts with several seeds each and puts all pictures on one page, every row of seeds below its prompt.

    python tools/picture_grid.py MODEL -o grid.webp [--sd35 build/bin/sd35] [--prompts FILE] [--seeds 4] [--columns 4] [-- OPTIONS]

FILE has one prompt per line; without it those of tools/picture_grid.txt are drawn, ten of signs and thirty of all else that the default
model knows. OPTIONS are those of `sd35 generate`, as in `-- --quantize int8`; what they do not say is the model's own. Needs Pillow.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import textwrap

from PIL import Image, ImageDraw, ImageFont

HERE = os.path.dirname(os.path.abspath(__file__))
GAP, LABEL = 8, 13  # pixels between pictures, of a label's letters


def read_prompts(path):
    with open(path, encoding="utf-8") as file:
        prompts = [line.strip() for line in file if line.strip()]
    if not prompts:
        sys.exit(f"{path} holds no prompt; it should have one per line")
    return prompts


def draw(arguments, prompt, folder):
    """The pictures of one prompt, one per seed."""
    names = os.path.join(folder, "{index}.png")
    command = [arguments.sd35, "generate", "--model", arguments.model, "--prompt", prompt, "--quiet", "-o", names]
    command += ["--seed", str(arguments.seed), "--count", str(arguments.seeds), *arguments.options]
    subprocess.run(command, check=True)
    files = sorted(os.listdir(folder), key=lambda name: int(name.split(".")[0]))
    pictures = []
    for file in files:
        path = os.path.join(folder, file)
        with Image.open(path) as picture:
            pictures.append(picture.convert("RGB"))
        os.remove(path)
    return pictures


def scaled(picture, side):
    factor = side / max(picture.size)
    size = tuple(max(1, round(factor * length)) for length in picture.size)
    return picture if factor == 1 else picture.resize(size, Image.Resampling.LANCZOS)


def page_of(rows, columns):
    """`rows`: each a prompt and its pictures; `columns`: prompts side by side."""
    font = ImageFont.load_default(LABEL)
    height = max(picture.height for _, pictures in rows for picture in pictures)
    width = max(sum(picture.width + GAP for picture in pictures) for _, pictures in rows)
    characters = max(10, int(width / font.getlength("n")))
    labels = [textwrap.wrap(prompt, characters) for prompt, _ in rows]
    label_height = max(len(lines) for lines in labels) * (LABEL + 4) + 4
    lines = -(-len(rows) // columns)
    page = Image.new("RGB", (columns * (width + GAP) + GAP, lines * (height + label_height + GAP) + GAP), "white")
    pen = ImageDraw.Draw(page)
    for i, (_, pictures) in enumerate(rows):
        x = GAP + i % columns * (width + GAP)
        y = GAP + i // columns * (height + label_height + GAP)
        bottom = y + label_height  # labels of one line lie right above their pictures
        top = bottom - len(labels[i]) * (LABEL + 4) - 4
        for n, line in enumerate(labels[i]):
            pen.text((x, top + n * (LABEL + 4)), line, fill="#222", font=font)
        for picture in pictures:
            page.paste(picture, (x, bottom))
            x += picture.width + GAP
    return page


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("-o", "--output", required=True, help="a picture, by its extension")
    parser.add_argument("--sd35", default="build/bin/sd35", help="the program sd35")
    parser.add_argument("--prompts", default=os.path.join(HERE, "picture_grid.txt"))
    parser.add_argument("--seeds", type=int, default=4, help="pictures of each prompt")
    parser.add_argument("--seed", type=int, default=0, help="of the first of them")
    parser.add_argument("--columns", type=int, default=4, help="prompts side by side")
    parser.add_argument("--side", type=int, default=128, help="pixels of a picture's longer side on the page")
    words = sys.argv[1:]
    split = words.index("--") if "--" in words else len(words)
    arguments = parser.parse_args(words[:split])
    arguments.options = words[split + 1 :]
    for name in ("seeds", "columns", "side"):
        if getattr(arguments, name) < 1:
            parser.error(f"--{name} is {getattr(arguments, name)}; it must be 1 or more")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for prompt in read_prompts(arguments.prompts):
            rows.append((prompt, [scaled(picture, arguments.side) for picture in draw(arguments, prompt, folder)]))
    page_of(rows, arguments.columns).save(arguments.output)


if __name__ == "__main__":
    main()
