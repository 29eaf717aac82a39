"""Goldens of 4-bit weights, by bitsandbytes and diffusers:

  tests/golden/quant/weights.safetensors      values and what bitsandbytes makes of them, NF4 with and without double
                                              quantization, FP4; "tail" has an odd number of elements
  tests/golden/quant/transformer_{nf4,nf4-dq,fp4}/   a small transformer as diffusers saves it
  tests/golden/quant/forward.safetensors      its inputs, and its velocity from the weights of each, in f32

usage: quant_goldens.py <tests/golden/quant>
"""

import json
import pathlib
import sys
import tempfile

import bitsandbytes.functional as bnb
import torch
from diffusers import BitsAndBytesConfig, SD3Transformer2DModel
from diffusers.quantizers.bitsandbytes.bnb_quantizer import BnB4BitDiffusersQuantizer
from safetensors.torch import save_file

CONFIG = {
    "sample_size": 16,
    "patch_size": 2,
    "in_channels": 4,
    "out_channels": 4,
    "num_layers": 2,
    "attention_head_dim": 16,
    "num_attention_heads": 2,
    "joint_attention_dim": 48,
    "caption_projection_dim": 32,
    "pooled_projection_dim": 24,
    "pos_embed_max_size": 8,
    "dual_attention_layers": (0,),
    "qk_norm": "rms_norm",
}


def weights():
    # Values of bf16: then the sum of their scales is exact, in whatever order torch adds.
    generator = torch.Generator().manual_seed(5)
    values = {
        "plain": torch.randn(300, 64, generator=generator) * 0.05,
        "tail": torch.randn(131, generator=generator).bfloat16().float(),
        "edge": torch.zeros(3, 64),
    }
    values["plain"][7] *= 100
    values["plain"] = values["plain"].bfloat16().float()
    # Exactly on the borders between neighbours, and a block of zeros.
    code = bnb.get_4bit_type("nf4", device="cpu")
    values["edge"][0, :15] = (code[:-1] + code[1:]) / 2
    values["edge"][0, 15] = 1
    values["edge"][2] = 1e-30
    tensors = dict(values)
    for name, tensor in values.items():
        for kind, nested in (("nf4", False), ("nf4-dq", True), ("fp4", False)):
            packed, state = bnb.quantize_4bit(
                tensor, blocksize=64, compress_statistics=nested, quant_type=kind[:3]
            )
            tensors[f"{name}.{kind}.packed"] = packed.reshape(-1)
            tensors[f"{name}.{kind}.absmax"] = state.absmax
            if name != "plain" or nested:
                tensors[f"{name}.{kind}.values"] = bnb.dequantize_4bit(packed, state).reshape(tensor.shape)
            if nested:
                tensors[f"{name}.{kind}.nested_absmax"] = state.state2.absmax
                tensors[f"{name}.{kind}.offset"] = state.offset.reshape(1)
    tensors["nf4_code"] = code
    tensors["dynamic_map"] = bnb.create_dynamic_map()
    tensors["plain"] = tensors["plain"].bfloat16()
    return {name: tensor.contiguous() for name, tensor in tensors.items()}


def transformers(folder):
    # It asks for a GPU that nothing below needs.
    BnB4BitDiffusersQuantizer.validate_environment = lambda *_, **__: None
    BnB4BitDiffusersQuantizer.update_device_map = lambda _, device_map: device_map
    plain_folder = tempfile.TemporaryDirectory()
    torch.manual_seed(7)
    plain = SD3Transformer2DModel(**CONFIG).bfloat16()
    for parameter in plain.parameters():
        torch.nn.init.normal_(parameter, 0, 0.1)
    plain.save_pretrained(plain_folder.name)
    inputs = {
        "hidden_states": torch.randn(2, 4, 12, 16),
        "timestep": torch.tensor([900.0, 123.0]),
        "encoder_hidden_states": torch.randn(2, 5, 48),
        "pooled_projections": torch.randn(2, 24),
    }
    tensors = {f"in.{name}": tensor for name, tensor in inputs.items()}
    with torch.no_grad():
        tensors["plain"] = plain.float()(**inputs).sample
    for kind, nested in (("nf4", False), ("nf4-dq", True), ("fp4", False)):
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=kind[:3],
            bnb_4bit_use_double_quant=nested,
            bnb_4bit_compute_dtype=torch.bfloat16,
        )
        model = SD3Transformer2DModel.from_pretrained(
            plain_folder.name, quantization_config=config, torch_dtype=torch.bfloat16, device_map="cpu"
        )
        saved = folder / f"transformer_{kind}"
        model.save_pretrained(saved)
        saved_config = json.loads((saved / "config.json").read_text())
        del saved_config["_name_or_path"]
        (saved / "config.json").write_text(json.dumps(saved_config, indent=2) + "\n")
        dequantized = SD3Transformer2DModel(**CONFIG)
        state = model.state_dict()
        values = {}
        for name, parameter in model.named_parameters():
            if hasattr(parameter, "quant_state"):
                values[name] = bnb.dequantize_4bit(parameter.data, parameter.quant_state).float()
            else:
                values[name] = parameter.data.float()
        values["pos_embed.pos_embed"] = state["pos_embed.pos_embed"].float()
        dequantized.load_state_dict(values)
        with torch.no_grad():
            tensors[kind] = dequantized(**inputs).sample
    save_file(tensors, folder / "forward.safetensors")


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights(), folder / "weights.safetensors")
    transformers(folder)


if __name__ == "__main__":
    main()
