"""Makes the goldens of tests/parity from the reference environment (see CONTRIBUTING.md).

    python tools/reference/parity_goldens.py --sd35 build/bin/sd35

The model is the tiny random one that the tests make too (f32, seed 7), so only inputs and outputs are stored.
"""

import argparse
import os
import subprocess
import tempfile

import numpy as np
import torch
from diffusers import StableDiffusion3Img2ImgPipeline, StableDiffusion3InpaintPipeline, StableDiffusion3Pipeline
from PIL import Image
from safetensors.torch import save_file

import inputs as make_inputs
import stages

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden")


@torch.no_grad()
def pipeline(folder):
    """28 steps with guidance from a prompt: the latents and the picture."""
    pipe = StableDiffusion3Pipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    settings = dict(
        prompt=make_inputs.PROMPTS[0],
        negative_prompt="blurry",
        width=160,
        height=128,
        num_inference_steps=28,
        guidance_scale=4.5,
        max_sequence_length=32,
    )
    latents = pipe(**settings, generator=torch.Generator().manual_seed(42), output_type="latent").images
    picture = pipe(**settings, generator=torch.Generator().manual_seed(42), output_type="np").images
    skip = dict(skip_guidance_layers=[1, 2], skip_layer_guidance_scale=2.8)
    skipped = pipe(**settings, **skip, generator=torch.Generator().manual_seed(42), output_type="latent").images
    return {
        "latents": latents.contiguous(),
        "latents_skip_layer": skipped.contiguous(),
        "picture": torch.from_numpy((picture[0] * 255).round()).to(torch.uint8).contiguous(),
    }


class ReferenceTokens(torch.nn.Module):
    """Stands for pos_embed: the tokens of a reference come before those of the latents, at the same positions."""

    def __init__(self, pos_embed, reference):
        super().__init__()
        self.pos_embed, self.reference = pos_embed, reference

    def forward(self, latents):
        reference = self.pos_embed(self.reference.expand(len(latents), -1, -1, -1))
        return torch.cat([reference, self.pos_embed(latents)], 1)


class LastTokens(torch.nn.Module):
    """Stands for norm_out: of the tokens, those of the latents go on."""

    def __init__(self, norm_out):
        super().__init__()
        self.norm_out = norm_out

    def forward(self, tokens, temb):
        return self.norm_out(tokens[:, tokens.shape[1] // 2 :], temb)


@torch.no_grad()
def pictures_in(folder):
    """Latents of drawings that begin with a picture, paint a part of one, or have one as a reference."""
    picture = Image.fromarray((np.arange(64 * 48 * 3) % 251).astype(np.uint8).reshape(48, 64, 3))
    mask = np.zeros((48, 64), np.uint8)
    mask[10:30, 20:40] = 255
    settings = dict(
        prompt=make_inputs.PROMPTS[0],
        negative_prompt="blurry",
        width=96,
        height=80,
        num_inference_steps=5,
        guidance_scale=4.5,
        max_sequence_length=32,
        output_type="latent",
    )
    text_to_image = StableDiffusion3Pipeline.from_pretrained(folder, torch_dtype=torch.float32)
    from_picture = StableDiffusion3Img2ImgPipeline(**text_to_image.components)
    inpaint = StableDiffusion3InpaintPipeline(**text_to_image.components)
    for pipe in (text_to_image, from_picture, inpaint):
        pipe.set_progress_bar_config(disable=True)
    result = {}
    for strength, seed in ((0.6, 7), (1.0, 8)):
        begin = dict(image=picture, strength=strength, **settings)
        latents = from_picture(**begin, generator=torch.Generator().manual_seed(seed)).images
        result[f"img2img_{seed}"] = latents.contiguous()
        latents = inpaint(**begin, mask_image=Image.fromarray(mask), generator=torch.Generator().manual_seed(seed)).images
        result[f"inpaint_{seed}"] = latents.contiguous()

    vae, transformer = text_to_image.vae, text_to_image.transformer
    pixels = text_to_image.image_processor.preprocess(picture, settings["height"], settings["width"])
    reference = (vae.encode(pixels).latent_dist.mode() - vae.config.shift_factor) * vae.config.scaling_factor
    transformer.pos_embed = ReferenceTokens(transformer.pos_embed, reference)
    transformer.norm_out = LastTokens(transformer.norm_out)
    result["edit_7"] = text_to_image(**settings, generator=torch.Generator().manual_seed(7)).images.contiguous()
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sd35", required=True, help="the program sd35")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "tiny")
        command = [arguments.sd35, "make-random-model", "--size", "tiny", "--dtype", "f32", "--seed", "7", "-o", folder]
        subprocess.run(command, check=True)
        stage_inputs = make_inputs.make(folder, [(16, 16), (12, 24), (20, 10)], 16, 8, tiled_size=(40, 36))
        save_file(stage_inputs, os.path.join(GOLDEN, "stages_inputs.safetensors"))
        save_file(stages.run(folder, stage_inputs, torch.float32), os.path.join(GOLDEN, "stages_outputs.safetensors"))
        save_file(pipeline(folder), os.path.join(GOLDEN, "pipeline.safetensors"))
        save_file(pictures_in(folder), os.path.join(GOLDEN, "pictures_in.safetensors"))


if __name__ == "__main__":
    main()
