"""Draws with pictures as input and with PEFT's adapters by diffusers and by sd35, on a tiny random model, and prints how far apart the
pictures are.

    python tools/reference/pictures_check.py --sd35 build/bin/sd35
"""

import argparse
import os
import subprocess
import tempfile

import numpy as np
import torch
from diffusers import StableDiffusion3Img2ImgPipeline, StableDiffusion3InpaintPipeline, StableDiffusion3Pipeline
from peft import LoraConfig, get_peft_model
from PIL import Image

from compare import psnr

PROMPT, SIDE, STEPS = "a red cat", 128, 8


def adapter(transformer, folder):
    """A folder as PEFT saves it, whose alpha is twice its rank."""
    torch.manual_seed(1)
    config = LoraConfig(r=4, lora_alpha=8, target_modules=["to_q", "to_k", "to_v", "to_out.0"], init_lora_weights=False)
    get_peft_model(transformer, config).save_pretrained(folder)


def cases(work, pipe):
    picture, mask = os.path.join(work, "in.png"), os.path.join(work, "mask.png")
    pixels = (np.arange(64 * 48 * 3) % 251).astype(np.uint8).reshape(48, 64, 3)
    Image.fromarray(pixels).save(picture)
    white = np.zeros((48, 64), np.uint8)
    white[10:30, 20:40] = 255
    Image.fromarray(white).save(mask)
    from_picture = StableDiffusion3Img2ImgPipeline(**pipe.components)
    inpaint = StableDiffusion3InpaintPipeline(**pipe.components)

    def painted(**settings):
        # diffusers' own decoding leaves out the autoencoder's shift.
        latents = inpaint(**settings, output_type="latent").images
        latents = latents / pipe.vae.config.scaling_factor + pipe.vae.config.shift_factor
        with torch.no_grad():
            return pipe.image_processor.postprocess(pipe.vae.decode(latents).sample, output_type="pil")[0]

    for strength in (0.3, 0.6, 0.9, 1.0):
        begin = dict(image=Image.open(picture), strength=strength)
        options = ["--init", picture, "--strength", str(strength)]
        yield f"img2img {strength}", lambda s, b=begin: from_picture(**b, **s).images[0], options
        begin["mask_image"] = Image.open(mask)
        options = [*options, "--mask", mask, "--mask-blur", "0", "--no-paste"]
        yield f"inpaint {strength}", lambda s, b=begin: painted(**b, **s), options
    lora = os.path.join(work, "peft")
    adapter(pipe.transformer, lora)
    yield "PEFT folder", lambda s: pipe(**s).images[0], ["--lora", lora]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sd35", required=True)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        tiny = os.path.join(work, "tiny")
        subprocess.run([arguments.sd35, "make-random-model", "--dtype", "f32", "--quiet", "-o", tiny], check=True)
        pipe = StableDiffusion3Pipeline.from_pretrained(tiny, torch_dtype=torch.float32)
        print(f"{'':16} {'largest':>8} {'differing':>10} {'PSNR':>8}")
        for name, draw, options in cases(work, pipe):
            settings = dict(prompt=PROMPT, height=SIDE, width=SIDE, num_inference_steps=STEPS, guidance_scale=4.5)
            settings |= dict(generator=torch.Generator().manual_seed(7), max_sequence_length=64)
            expected = np.array(draw(settings)).astype(int)
            ours = os.path.join(work, "ours.png")
            command = [arguments.sd35, "generate", PROMPT, "--model", tiny, "--dtype", "f32", "--seed", "7", "--steps", str(STEPS)]
            command += ["-g", "4.5", "-W", str(SIDE), "-H", str(SIDE), "--max-sequence-length", "64", "--quiet", "-o", ours]
            subprocess.run([*command, *options], check=True)
            difference = np.abs(np.array(Image.open(ours)).astype(int) - expected)
            print(f"{name:16} {difference.max():8} {np.mean(difference > 0):10.2%} {psnr(np.array(Image.open(ours)), expected):8.1f}")


if __name__ == "__main__":
    main()
