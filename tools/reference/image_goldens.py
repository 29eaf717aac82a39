"""Writes tests/golden/image/: small pictures of many kinds with their RGB as Pillow reads it, Lanczos resizes of Pillow, and
the 8-bit conversion of diffusers. A file `x.png.rgb` holds the raw RGB bytes of `x.png`.

Usage: python tools/reference/image_goldens.py tests/golden/image
"""

import pathlib
import sys

import numpy as np
import torch
from diffusers.image_processor import VaeImageProcessor
from PIL import Image, ImageFilter, ImageOps
from PIL.PngImagePlugin import PngInfo

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(35)


def picture(width, height):
    """A smooth scene with hard edges and some noise, so that filters and codecs have work to do."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    waves = [127 + 120 * np.sin(x * a + y * b) for a, b in ((0.31, 0.07), (0.05, 0.43), (0.9, -0.6))]
    pixels = np.stack(waves, axis=-1) + rng.normal(0, 6, (height, width, 3))
    pixels[height // 4 : height // 2, width // 3 : width // 2] = (255, 0, 40)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def save(image, name, expected=None, **options):
    """Saves `image` and what Pillow reads back (or `expected`), shown upright."""
    image.save(folder / name, **options)
    if expected is None:
        with Image.open(folder / name) as stored:
            expected = ImageOps.exif_transpose(stored).convert("RGB")
    (folder / (name + ".rgb")).write_bytes(expected.tobytes())


base = picture(37, 23)
alpha = Image.fromarray(rng.integers(0, 256, (23, 37), dtype=np.uint8))
with_alpha = base.copy()
with_alpha.putalpha(alpha)

save(base, "rgb.png")
save(with_alpha, "rgba.png")
save(base.convert("L"), "grey.png")
grey_alpha = base.convert("LA")
grey_alpha.putalpha(alpha)
save(grey_alpha, "grey_alpha.png")
save(base.convert("1"), "bits.png")
palette = base.quantize(13)
save(palette, "palette.png")
save(palette, "palette_transparent.png", transparency=3)
# Pillow clips 16-bit grey to 255 when it converts to RGB; the upper byte is what the other programs show.
deep = rng.integers(0, 65536, (23, 37), dtype=np.uint16)
upper = Image.fromarray((deep >> 8).astype(np.uint8)).convert("RGB")
save(Image.fromarray(deep), "grey16.png", expected=upper)

save(base, "baseline.jpg", quality=90)
save(base, "progressive.jpg", quality=90, progressive=True)
save(base.convert("L"), "grey.jpg", quality=90)
save(base.convert("CMYK"), "cmyk.jpg", quality=90)
save(base, "lossy.webp", quality=90)
save(base, "lossless.webp", lossless=True)
save(with_alpha, "alpha.webp", lossless=True, exact=True)
for orientation in range(2, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    save(base, f"orientation{orientation}.webp", lossless=True, exif=exif)

# As the web UI writes them: PNG text; Exif in either byte order with a big-endian comment.
PARAMETERS = "a cat \U0001f431, café\nNegative prompt: dog\nSteps: 4, Sampler: Euler"
info = PngInfo()
info.add_text("parameters", PARAMETERS)
Image.new("RGB", (2, 2)).save(folder / "parameters.png", pnginfo=info)
for endian, name in ((">", "big"), ("<", "little")):
    exif = Image.Exif()
    exif.endian = endian
    exif.get_ifd(0x8769)[0x9286] = b"UNICODE\0" + PARAMETERS.encode("utf-16-be")
    for extension in ("jpg", "webp"):
        Image.new("RGB", (2, 2)).save(folder / f"parameters_{name}.{extension}", exif=exif)
(folder / "parameters.txt").write_text(PARAMETERS, encoding="utf-8")

for width, height in ((16, 16), (37, 9), (11, 23), (80, 61), (36, 24), (52, 9), (34, 16), (33, 15), (1, 1)):
    resized = base.resize((width, height), Image.Resampling.LANCZOS)
    (folder / f"resize_{width}x{height}.rgb").write_bytes(resized.tobytes())

# [Y, X, 3] = [16, 24, 3] floats around [-1, 1] with ties of the rounding, and their bytes.
values = rng.uniform(-1.3, 1.3, 16 * 24 * 3).astype(np.float32)
values[:255] = ((np.arange(255) + 0.5) / 255 * 2 - 1).astype(np.float32)
pixels = values.reshape(16, 24, 3)
processor = VaeImageProcessor()
levels = processor.postprocess(torch.from_numpy(pixels).permute(2, 0, 1)[None], output_type="pil")[0]
(folder / "pixels.f32").write_bytes(pixels.tobytes())
(folder / "pixels.rgb").write_bytes(levels.tobytes())


def blur_filled(image, mask):
    """AUTOMATIC1111's "fill": what the mask hides, filled with blurs of the rest."""
    hidden = Image.new("RGBa", image.size)
    hidden.paste(image.convert("RGBA").convert("RGBa"), mask=ImageOps.invert(mask))
    filled = Image.new("RGBA", image.size)
    for radius, times in ((256, 1), (64, 1), (16, 2), (4, 4), (2, 2), (0, 1)):
        blurred = hidden.filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")
        for _ in range(times):
            filled.alpha_composite(blurred)
    return filled.convert("RGB")


mask = Image.new("L", base.size)
mask.paste(255, (9, 6, 24, 18))
mask.paste(100, (24, 6, 26, 18))
(folder / "blur_filled.rgb").write_bytes(blur_filled(base, mask).tobytes())
