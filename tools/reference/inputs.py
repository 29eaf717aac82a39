"""Inputs of the stages for a model folder: token ids of real prompts, noise, pictures."""

import json
import os

import torch
from transformers import AutoTokenizer

PROMPTS = [
    "A capybara holding a sign that reads Hello World",
    "",
]


def config(folder, component):
    with open(os.path.join(folder, component, "config.json")) as file:
        return json.load(file)


def make(folder, latent_sizes, t5_length, decode_size, tiled_size=None, batch_2=True):
    """`latent_sizes`: (h, w) of each forward of the transformer; `decode_size`: latents per side of the autoencoder's cases."""
    generator = torch.Generator().manual_seed(1234)
    noise = lambda *shape: torch.randn(*shape, generator=generator)
    transformer = config(folder, "transformer")
    inputs = {}
    clip_length = config(folder, "text_encoder")["max_position_embeddings"]
    for which, name, length in (
        ("clip_l", "tokenizer", clip_length),
        ("clip_g", "tokenizer_2", clip_length),
        ("t5", "tokenizer_3", t5_length),
    ):
        tokenizer = AutoTokenizer.from_pretrained(os.path.join(folder, name))
        encoded = tokenizer(PROMPTS, padding="max_length", max_length=length, truncation=True, return_tensors="pt")
        inputs[f"{which}/0/ids"] = encoded.input_ids.to(torch.int32)
    case = 0
    for h, w in latent_sizes:
        for batch in (1, 2) if batch_2 else (2,):
            at = f"transformer/{case}/"
            inputs[at + "latents"] = noise(batch, transformer["in_channels"], h, w)
            inputs[at + "timesteps"] = torch.tensor([1000.0, 437.25][:batch])
            inputs[at + "prompt_embedding"] = noise(batch, clip_length + t5_length, transformer["joint_attention_dim"])
            inputs[at + "pooled_projection"] = noise(batch, transformer["pooled_projection_dim"])
            case += 1
    last = dict((k.rsplit("/", 1)[1], v) for k, v in inputs.items() if k.startswith(f"transformer/{case - 1}/"))
    for name, value in last.items():
        inputs[f"transformer/{case}/{name}"] = value.clone()
    inputs[f"transformer/{case}/skip_layers"] = torch.tensor([1, 2], dtype=torch.int32)

    channels = config(folder, "vae")["latent_channels"]
    inputs["vae_decode/0/latents"] = noise(1, channels, decode_size, decode_size)
    inputs["vae_encode/0/picture"] = (noise(1, 3, 8 * decode_size, 8 * decode_size) * 0.5).clamp(-1, 1)
    if tiled_size:
        inputs["vae_tiled/0/latents"] = noise(1, channels, *tiled_size)
    return inputs
