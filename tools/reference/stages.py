"""The stages of Stable Diffusion 3.5 Medium as diffusers and transformers compute them, one component in memory at a time.

Each function takes a model folder in the diffusers layout and a dictionary of named input tensors, and returns the outputs under
the names that the program `sd35-stages` uses, so that the two can be compared tensor by tensor.
"""

import contextlib
import glob
import os

import torch
from diffusers import AutoencoderKL, SD3Transformer2DModel
from safetensors import safe_open
from transformers import CLIPTextModelWithProjection, T5EncoderModel


@contextlib.contextmanager
def blocks_in_f32(blocks):
    """Runs each block in f32 from weights that rest in bf16 or f16, so that T5-XXL fits into memory; widening is exact."""
    handles = []
    for block in blocks:
        rest = next(block.parameters()).dtype
        handles.append(block.register_forward_pre_hook(lambda module, _: module.to(torch.float32) and None))
        handles.append(block.register_forward_hook(lambda module, _, output, rest=rest: module.to(rest) and None))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def stored_type(folder, component):
    """The type that the weights of a component have in their file."""
    path = sorted(glob.glob(os.path.join(folder, component, "*.safetensors")))[0]
    with safe_open(path, "pt") as file:
        return file.get_tensor(min(file.keys(), key=lambda name: file.get_slice(name).get_shape())).dtype


def cases(inputs, stage):
    """The numbers n of the inputs "stage/n/name"."""
    return sorted({int(name.split("/")[1]) for name in inputs if name.startswith(stage + "/")})


def clip(folder, which, inputs, dtype):
    name = {"clip_l": "text_encoder", "clip_g": "text_encoder_2"}[which]
    model = CLIPTextModelWithProjection.from_pretrained(folder, subfolder=name, torch_dtype=dtype).eval()
    outputs = {}
    for n in cases(inputs, which):
        result = model(inputs[f"{which}/{n}/ids"].long(), output_hidden_states=True)
        outputs[f"{which}/{n}/hidden"] = result.hidden_states[-2].float()
        outputs[f"{which}/{n}/pooled"] = result[0].float()
    return outputs


def t5(folder, inputs, dtype):
    outputs = {}
    stored = stored_type(folder, "text_encoder_3") if dtype == torch.float32 else dtype
    model = T5EncoderModel.from_pretrained(folder, subfolder="text_encoder_3", torch_dtype=stored).eval()
    small = model.dtype == dtype
    with contextlib.nullcontext() if small else blocks_in_f32(model.encoder.block):
        if not small:
            model.encoder.embed_tokens.to(dtype)
            model.encoder.final_layer_norm.to(dtype)
        for n in cases(inputs, "t5"):
            outputs[f"t5/{n}/hidden"] = model(inputs[f"t5/{n}/ids"].long())[0].float()
    return outputs


def transformer(folder, inputs, dtype):
    model = SD3Transformer2DModel.from_pretrained(folder, subfolder="transformer", torch_dtype=dtype).eval()
    outputs = {}
    for n in cases(inputs, "transformer"):
        at = f"transformer/{n}/"
        skip = inputs.get(at + "skip_layers")
        outputs[at + "velocity"] = model(
            hidden_states=inputs[at + "latents"].to(dtype),
            timestep=inputs[at + "timesteps"],
            encoder_hidden_states=inputs[at + "prompt_embedding"].to(dtype),
            pooled_projections=inputs[at + "pooled_projection"].to(dtype),
            skip_layers=skip.tolist() if skip is not None else None,
            return_dict=False,
        )[0].float()
    return outputs


def vae(folder, inputs, dtype, tiling=False):
    model = AutoencoderKL.from_pretrained(folder, subfolder="vae", torch_dtype=dtype).eval()
    outputs = {}
    for n in cases(inputs, "vae_decode"):
        outputs[f"vae_decode/{n}/picture"] = model.decode(inputs[f"vae_decode/{n}/latents"].to(dtype))[0].float()
    for n in cases(inputs, "vae_encode"):
        moments = model.encode(inputs[f"vae_encode/{n}/picture"].to(dtype)).latent_dist.parameters
        outputs[f"vae_encode/{n}/moments"] = moments.float()
    model.enable_tiling()
    for n in cases(inputs, "vae_tiled"):
        outputs[f"vae_tiled/{n}/picture"] = model.decode(inputs[f"vae_tiled/{n}/latents"].to(dtype))[0].float()
    return outputs


STAGES = {
    "clip_l": lambda folder, inputs, dtype: clip(folder, "clip_l", inputs, dtype),
    "clip_g": lambda folder, inputs, dtype: clip(folder, "clip_g", inputs, dtype),
    "t5": t5,
    "transformer": transformer,
    "vae": vae,
}


@torch.no_grad()
def run(folder, inputs, dtype, only=None):
    outputs = {}
    for name, stage in STAGES.items():
        if any(key.startswith(name) for key in inputs) and (only is None or name in only):
            outputs |= stage(folder, inputs, dtype)
    return outputs
