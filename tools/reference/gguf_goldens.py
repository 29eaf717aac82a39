"""Writes tests/golden/gguf/: blocks of every format with the values that the Python package gguf gives them, values with the
blocks it makes of them, and a small GGUF file that it wrote.

Needs the packages gguf (0.19) and safetensors.

Usage: python tools/reference/gguf_goldens.py tests/golden/gguf
"""

import pathlib
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type, GGUFWriter
from gguf.quants import dequantize, quantize
from safetensors.numpy import save_file

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
rng = np.random.default_rng(35)

# Where the f16 scales of a block lie.
SCALES = {
    Type.Q4_0: (0,),
    Type.Q4_1: (0, 2),
    Type.Q5_0: (0,),
    Type.Q5_1: (0, 2),
    Type.Q8_0: (0,),
    Type.Q2_K: (80, 82),
    Type.Q3_K: (108,),
    Type.Q4_K: (0, 2),
    Type.Q5_K: (0, 2),
    Type.Q6_K: (208,),
}
WRITTEN = (Type.Q4_0, Type.Q4_1, Type.Q5_0, Type.Q5_1, Type.Q8_0)


def random_blocks(kind, count):
    """Any bytes, with scales that are ordinary numbers, and subnormal ones in the last block."""
    blocks = rng.integers(0, 256, (count, GGML_QUANT_SIZES[kind][1]), dtype=np.uint8)
    for offset in SCALES[kind]:
        scales = (rng.normal(0, 0.01, count)).astype(np.float16)
        scales[-1] = 3e-7
        blocks[:, offset : offset + 2] = scales.view(np.uint8).reshape(count, 2)
    return blocks


def values_to_quantize():
    """Weights as they are, and what is hard to round: zeros, one value, ties, all equal, tiny, large."""
    blocks = rng.normal(0, 0.03, (40, 32))
    blocks[0] = 0
    blocks[1] = 0
    blocks[1, 7] = -0.25
    blocks[2] = np.arange(32) - 15.5
    blocks[3] = np.arange(32) / 8 - 2
    blocks[4] = 0.1
    blocks[5] = -0.1
    blocks[6] *= 1e-7
    blocks[7] *= 1e6
    blocks[8] = np.linspace(-127, 127, 32)
    blocks[9] = rng.integers(-16, 16, 32) / 2
    blocks[10] = rng.standard_cauchy(32)
    return blocks.astype(np.float32)


tensors = {}
for kind in SCALES:
    name = kind.name.lower()
    blocks = random_blocks(kind, 4 if name.endswith("k") else 16)
    tensors[name + ".blocks"] = blocks
    tensors[name + ".values"] = dequantize(blocks, kind)
values = values_to_quantize()
tensors["quantize.values"] = values
for kind in WRITTEN:
    tensors["quantize." + kind.name.lower()] = quantize(values, kind)
save_file(tensors, folder / "blocks.safetensors")

# A file with every kind of metadata, an alignment of its own and a tensor stored in another shape.
writer = GGUFWriter(folder / "container.gguf", arch="sd3")
writer.add_quantization_version(2)
writer.add_custom_alignment(64)
writer.add_uint8("test.u8", 200)
writer.add_int8("test.i8", -5)
writer.add_uint16("test.u16", 60000)
writer.add_int16("test.i16", -30000)
writer.add_int32("test.i32", -2000000000)
writer.add_uint64("test.u64", 2**63)
writer.add_int64("test.i64", -(2**62))
writer.add_float32("test.f32", 0.5)
writer.add_float64("test.f64", -0.25)
writer.add_bool("test.bool", True)
writer.add_string("test.text", "caf\u00e9 \u2028 and more")
writer.add_array("test.numbers", [1, 2, 3])
writer.add_array("test.words", [f"word {i}" for i in range(20)])
writer.add_array("test.long", list(range(1000)))
writer.add_array("comfy.gguf.orig_shape.reshaped", [2, 2, 2, 128])
weights = rng.normal(0, 0.02, (4, 256)).astype(np.float32)
writer.add_tensor("f32", weights)
writer.add_tensor("f16", weights.astype(np.float16))
writer.add_tensor("bf16", quantize(weights, Type.BF16), raw_dtype=Type.BF16)
writer.add_tensor("reshaped", quantize(weights, Type.Q8_0), raw_dtype=Type.Q8_0)
writer.add_tensor("vector", weights[0])
for kind in SCALES:
    writer.add_tensor(kind.name.lower(), random_blocks(kind, 1024 // GGML_QUANT_SIZES[kind][0]).reshape(4, -1), raw_dtype=kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

expected = {"f32": weights, "f16": weights.astype(np.float16).astype(np.float32)}
expected["bf16"] = dequantize(quantize(weights, Type.BF16), Type.BF16)
expected["reshaped"] = dequantize(quantize(weights, Type.Q8_0), Type.Q8_0).reshape(2, 2, 2, -1)
save_file(expected, folder / "container.safetensors")
for path in folder.iterdir():
    path.chmod(0o644)
