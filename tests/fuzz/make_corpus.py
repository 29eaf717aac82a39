#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets, tests/fuzz/corpus/TARGET/*: small files of every kind that a target reads.

    python3 tests/fuzz/make_corpus.py

Needs nothing but Python; the same bytes every time."""

import base64
import io
import json
import pathlib
import shutil
import struct
import tarfile
import zlib

CORPUS = pathlib.Path(__file__).parent / "corpus"
LARGEST = 8000  # bytes of a seed: what is longer mutates slowly

# 16x16, 16x9 and 16x9 pixels of libjpeg; 16x16 and, with metadata, 8x6 and 8x6 pixels of libwebp.
JPEG = """/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJBwYGCAsICQoK
CgoKBggLDAsKDAkKCgr/2wBDAQICAgICAgUDAwUKBwYHCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoKCgoK
CgoKCgoKCgr/wAARCAAQABADAREAAhEBAxEB/8QAFQABAQAAAAAAAAAAAAAAAAAAAAj/xAAUEAEAAAAAAAAAAAAAAAAAAAAA/8QA
FAEBAAAAAAAAAAAAAAAAAAAAAP/EABQRAQAAAAAAAAAAAAAAAAAAAAD/2gAMAwEAAhEDEQA/AJnAAAB//9k="""
JPEG_PROGRESSIVE = """/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDABsSFBcUERsXFhceHBsgKEIrKCUlKFE6PTBCYFVlZF9VXVtqeJmBanGQc1tdhbWGkJ6j
q62rZ4C8ybqmx5moq6T/2wBDARweHigjKE4rK06kbl1upKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSkpKSk
pKSkpKSkpKT/wgARCAAJABADASIAAhEBAxEB/8QAFgABAQEAAAAAAAAAAAAAAAAAAAID/8QAFAEBAAAAAAAAAAAAAAAAAAAAAP/a
AAwDAQACEAMQAAABM6P/xAAaEAACAgMAAAAAAAAAAAAAAAAAAgMhMTIz/9oACAEBAAEFAtCkIst3/8QAFBEBAAAAAAAAAAAAAAAA
AAAAAP/aAAgBAwEBPwF//8QAFBEBAAAAAAAAAAAAAAAAAAAAAP/aAAgBAgEBPwF//8QAGhAAAgIDAAAAAAAAAAAAAAAAAAECERAh
Mv/aAAgBAQAGPwKl0XLcsM//xAAaEAACAwEBAAAAAAAAAAAAAAAAsQEhQREx/9oACAEBAAE/Iar9QiPQmzRoij//2gAMAwEAAgAD
AAAAEDf/xAAXEQEAAwAAAAAAAAAAAAAAAAABABEh/9oACAEDAQE/EHGp/8QAFhEAAwAAAAAAAAAAAAAAAAAAAAEx/9oACAECAQE/
EKj/xAAcEAEAAgIDAQAAAAAAAAAAAAABEWEAITFR8HH/2gAIAQEAAT8QYwzm+rt15gE2JKVb0ZzfWeumf//Z"""
JPEG_CMYK = """/9j/7gAOQWRvYmUAZAAAAAAA/9sAQwAbEhQXFBEbFxYXHhwbIChCKyglJShROj0wQmBVZWRfVV1baniZgWpxkHNbXYW1hpCeo6ut
q2eAvMm6pseZqKuk/8AAFAgACQAQBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIB
AwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZH
SElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV
1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/dAAQAAf/aAA4EQwBNAFkASwAAPwAUNbEWVqpWbA8yTGNoPYe/v2+vRCiBDYWwyx4l
cfw/7I9/X8voNGu0WNsTuziVl6Y/u/4/l60NG24WNsRtxiVl65/u/wCP5etf/9BSjlzYWwwo4lcfxf7I9vX8vqKFuQLK1UNDkeZJ
jO4jsPb37/TqjLHcbbeBsW8fMj5wrkf0H+egNDItwwghcC1jGZG6BiPf0H+e1f/Rn07/AJClz/12f/0I0eG/4Kg07/kF3P8A1xf/
ANBNR6d/yC7n/ri//oJr/9Jmnf8AILuf+uL/APoJo07/AJBdz/1xf/0E1B/zA5v+Af8AoQqP/mBzf8A/9CFf/9k="""
WEBP = "UklGRiQAAABXRUJQVlA4IBgAAAAwAQCdASoQABAAAIAIJaQAA3AA/vtmQAA="
WEBP_LOSSY = """UklGRsgAAABXRUJQVlA4WAoAAAAIAAAABwAABQAAVlA4IDgAAADwAQCdASoIAAYAAsBMJZwCdAD0nVEJRgAA/q2Vf8y/45Pzg6X/
2nRI3iKxeqeft/eNJ3D6elgAAEVYSUZqAAAATU0AKgAAAAgAAgEOAAIAAAAOAAAAJodpAAQAAAABAAAANAAAAAB7Im1vZGVsIjoi
bSJ9AAABkoYABwAAACQAAABGAAAAAFVOSUNPREUAAGEAIABjAGEAdAAKAFMAdABlAHAAcwA6ACAANA=="""
WEBP_LOSSLESS = """UklGRrgAAABXRUJQVlA4WAoAAAAIAAAABwAABQAAVlA4TCcAAAAvB0ABAM1kRP9DoiSSJAeego/+Qfb5Ir4aT/4cRA/iBDBABxfA
fwUARVhJRmoAAABNTQAqAAAACAACAQ4AAgAAAA4AAAAmh2kABAAAAAEAAAA0AAAAAHsibW9kZWwiOiJtIn0AAAGShgAHAAAAJAAA
AEYAAAAAVU5JQ09ERQAAYQAgAGMAYQB0AAoAUwB0AGUAcABzADoAIAA0"""


def text(value):
    return json.dumps(value, ensure_ascii=False).encode()


# --- pictures


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, colour, row_bytes, *before, interlaced=0, rows=None):
    """One of any kind, its pixels a ramp; `before`: chunks ahead of them."""
    pixels = rows or b"".join(
        b"\0" + bytes((7 * x + y) % 256 for x in range(row_bytes)) for y in range(height)
    )
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    chunks = [chunk(b"IHDR", head), *before, chunk(b"IDAT", zlib.compress(pixels)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(order, orientation, description=b"", comment=b""):
    """A block of Exif: a main directory, and one with the comment."""
    pack = lambda form, *values: struct.pack(order + form, *values)
    entries = [(0x0112, 3, 1, pack("HH", orientation, 0))]
    values_at = 8 + 2 + 12 * 3 + 4
    entries.append((0x010E, 2, len(description), pack("I", values_at)))
    exif_at = values_at + len(description)
    entries.append((0x8769, 4, 1, pack("I", exif_at)))
    block = (b"MM" if order == ">" else b"II") + pack("HI", 42, 8) + pack("H", len(entries))
    for tag, kind, count, value in entries:
        block += pack("HHI", tag, kind, count) + value
    block += pack("I", 0) + description
    return block + pack("HHHII", 1, 0x9286, 7, len(comment), exif_at + 2 + 12 + 4) + pack("I", 0) + comment


def segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg_with(*segments):
    jpeg = base64.b64decode(JPEG)
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


RECIPE = {
    "version": "0.1.0",
    "model": "models/m.safetensors",
    "load": {
        "engine": "ref", "device": "cpu", "dtype": "f32", "quantize": "int8", "threads": 3, "use_t5": False,
        "clip_l": "a/clip_l.safetensors", "clip_g": "g", "t5xxl": "t", "tokenizers": "tokenizers",
        "loras": [{"path": "a.safetensors", "weight": 0.5}], "max_memory": 4000000000,
        "transformer": "t.gguf", "vae": "v",
    },
    "generate": {
        "prompt": "a \"quoted\" prompt,\nof two lines: \u00df \u65e5\u672c", "negative_prompt": "blurry",
        "prompt_2": "b", "prompt_3": "", "negative_prompt_2": "c", "negative_prompt_3": "d",
        "width": 640, "height": 1440, "num_inference_steps": 7, "guidance_scale": 4.5, "guidance_start": 0.1,
        "guidance_stop": 0.7, "block_cache": 0.12, "cfg_zero": True, "cfg_zero_steps": 0, "apg": [0, 15, -0.5],
        "guidance_rescale": 0.7, "preset": "turbo", "sampler": "dpm++2m", "shift": 3.5,
        "seed": 18446744073709551615, "count": 1, "max_sequence_length": 77, "generator": "cuda",
        "noise_dtype": "f16",
        "skip_layer_guidance": {"layers": [7, 8, 9], "scale": 2.5, "start": 0.02, "stop": 0.3},
        "vae_tiling": True,
    },
}
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description Iptc4xmpExt:DigitalSourceType='
    b'"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"/></rdf:RDF></x:xmpmeta>'
)
XMP_ELEMENTS = XMP.replace(b'ype="http', b'ype="https').replace(b"trained", b"compositeWithTrained") + XMP
PARAMETERS = b"a cat\nNegative prompt: blurry\nSteps: 40, Sampler: Euler, CFG scale: 4.5, Seed: 1, Size: 512x512"
UNICODE = b"UNICODE\0"


def node(kind, **inputs):
    return {"class_type": kind, "inputs": inputs}


COMFY = {
    "3": node("KSampler", seed=42, steps=20, cfg=4.5, sampler_name="dpmpp_2m", scheduler="sgm_uniform", denoise=1.0,
              model=["13", 0], positive=["16", 0], negative=["40", 0], latent_image=["53", 0]),
    "4": node("CheckpointLoaderSimple", ckpt_name="sd3.5_medium.safetensors"),
    "13": node("ModelSamplingSD3", shift=3.0, model=["14", 0]),
    "14": node("SkipLayerGuidanceSD3", layers="7, 8, 9", scale=3.0, start_percent=0.01, end_percent=0.15, model=["4", 0]),
    "16": node("CLIPTextEncode", text=["41", 0], clip=["4", 1]),
    "40": node("CLIPTextEncodeSD3", clip_l="blurry", clip_g="b", t5xxl="c", clip=["4", 1]),
    "41": node("PrimitiveString", value="a cat"),
    "53": node("EmptySD3LatentImage", width=1024, height=768, batch_size=2),
}


def webp_with_xmp(webp, packet):
    """A WebP in the extended form, and a chunk of XMP at its end."""
    packet += b" " * (len(packet) % 2)
    chunks = webp[12:20] + bytes([webp[20] | 4]) + webp[21:] + b"XMP " + struct.pack("<I", len(packet)) + packet
    return b"RIFF" + struct.pack("<I", len(chunks) + 4) + b"WEBP" + chunks


def pictures():
    exif = tiff(">", 6, b"{}\0", UNICODE + "a \u65e5".encode("utf-16-be"))
    return {
        "grey.png": png(5, 3, 1, 0, 1),
        "palette.png": png(4, 4, 2, 3, 1, chunk(b"PLTE", bytes(range(12))), chunk(b"tRNS", b"\1\2")),
        "deep.png": png(3, 3, 16, 2, 18),
        "alpha.png": png(
            3, 2, 8, 6, 12, chunk(b"eXIf", exif), chunk(b"tEXt", b"parameters\0" + PARAMETERS),
            chunk(b"iTXt", b"sd35\0\0\0\0\0" + text({"model": "\u65e5"})),
            chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"a" * 50)),
            chunk(b"iTXt", b"parameters\0\1\0\0\0" + zlib.compress(b"b" * 50)),
        ),
        # Adam7 of 3x3: rows of its passes.
        "interlaced.png": png(3, 3, 8, 0, 0, interlaced=1, rows=b"\0\1" + b"\0\2" + b"\0\1\2" + b"\0\1" * 2 + b"\0\1\2\3"),
        "baseline.jpg": base64.b64decode(JPEG),
        "progressive.jpg": base64.b64decode(JPEG_PROGRESSIVE),
        "cmyk.jpg": base64.b64decode(JPEG_CMYK),
        "turned.jpg": jpeg_with(segment(0xE1, b"Exif\0\0" + tiff("<", 8, b"d\0", b"ASCII\0\0\0text"))),
        "marked.png": png(1, 1, 8, 2, 3, chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
        "marked_packed.png": png(1, 1, 8, 2, 3, chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP_ELEMENTS))),
        "marked.jpg": jpeg_with(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)),
        "marked.webp": webp_with_xmp(base64.b64decode(WEBP_LOSSY), XMP),
        "flat.webp": base64.b64decode(WEBP),
        "lossy.webp": base64.b64decode(WEBP_LOSSY),
        "lossless.webp": base64.b64decode(WEBP_LOSSLESS),
        "little.tiff": tiff("<", 3, b"d\0", UNICODE + "\ufeffa b".encode("utf-16-le")),
        "big.tiff": exif,
    }


def recipes():
    small = text({"model": "m", "generate": {"prompt": "a cat", "seed": 3}})
    exif = tiff(">", 1, small + b"\0", UNICODE + PARAMETERS.decode().encode("utf-16-be"))
    return {
        "full.json": text(RECIPE),
        "small.json": small,
        "recipe.png": png(1, 1, 8, 2, 3, chunk(b"tEXt", b"parameters\0" + PARAMETERS), chunk(b"tEXt", b"sd35\0" + small)),
        "unicode.png": png(1, 1, 8, 2, 3, chunk(b"iTXt", b"sd35\0\0\0\0\0" + text(RECIPE))),
        "recipe.jpg": jpeg_with(
            segment(0xE1, b"Exif\0\0" + exif), segment(0xFE, b"sd35:" + small[:20]), segment(0xFE, b"sd35:" + small[20:])
        ),
        "comfy.json": text(COMFY),
        "comfy.png": png(1, 1, 8, 2, 3, chunk(b"tEXt", b"prompt\0" + text(COMFY))),
        "parameters.txt": PARAMETERS + b', Schedule type: Karras, Lora hashes: "a: 1, b: \\"2\\"", Shift: 3',
        "parameters.jpg": jpeg_with(segment(0xFE, b"parameters:" + PARAMETERS)),
        "recipe.webp": base64.b64decode(WEBP_LOSSLESS),
    }


# --- weights


def safetensors(tensors, metadata=None, align=8):
    """{name: (type, shape, bytes)}"""
    header, data = {}, b""
    if metadata:
        header["__metadata__"] = metadata
    for name, (kind, shape, values) in tensors.items():
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [len(data), len(data) + len(values)]}
        data += values
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-(8 + len(head)) % align)
    return struct.pack("<Q", len(head)) + head + data


def f32(*shape):
    count = 1
    for side in shape:
        count *= side
    return ("F32", list(shape), struct.pack(f"<{count}f", *(0.5 * (i % 3) for i in range(count))))


def bf16(*shape):
    kind, sides, values = f32(*shape)
    return ("BF16", sides, b"".join(values[i + 2 : i + 4] for i in range(0, len(values), 4)))


def loras():
    query = "transformer.transformer_blocks.0.attn.to_q"
    fused = "lora_unet_joint_blocks_0_x_block_attn_qkv"
    said = {
        "transformer.r": 2, "transformer.lora_alpha": 4, "transformer.rank_pattern": {"attn.to_q": 2},
        "transformer.alpha_pattern": {"^transformer_blocks.0.attn.to_q": 1.5}, "transformer.use_rslora": True,
    }
    blocks = bytearray(18 * 3 * 4)  # block-diagonal
    for row in range(18):
        struct.pack_into("<f", blocks, (row * 3 + row // 6) * 4, 1.0)
    return {
        "diffusers": safetensors(
            {query + ".lora_A.weight": f32(2, 6), query + ".lora_B.weight": bf16(6, 2)},
            {"lora_adapter_metadata": json.dumps(said)},
        ),
        "kohya": safetensors({
            fused + ".lora_down.weight": bf16(2, 6), fused + ".lora_up.weight": f32(18, 2),
            fused + ".alpha": ("F32", [], struct.pack("<f", 1)),
        }),
        "three": safetensors({
            fused + ".lora_down.weight": f32(3, 6), fused + ".lora_up.weight": ("F32", [18, 3], bytes(blocks)),
            fused + ".alpha": ("I64", [1], struct.pack("<q", 3)),
        }),
        "encoders": safetensors({
            f"{name}.{role}.weight": f32(*shape)
            for name, inside, outside in [
                ("lora_te1_text_model_encoder_layers_0_mlp_fc1", 4, 8),
                ("base_model.model.text_encoder_2.text_model.encoder.layers.0.mlp.fc1", 4, 8),
                ("text_encoder_3.encoder.block.0.layer.0.SelfAttention.q", 4, 4),
                ("unknown.layer", 4, 4),
            ]
            for role, shape in [("lora_down", (1, inside)), ("lora_up", (outside, 1))]
        }),
        "dora": safetensors({query + ".lora_A.weight": f32(2, 6), query + ".dora_scale": f32(6)}),
        "adapter_config.json": text(
            {"peft_type": "LORA", "r": 2, "lora_alpha": 3, "rank_pattern": {"to_q": 2}, "alpha_pattern": {"to_k": 2}, "use_rslora": False}
        ),
        "adapter_config_of_peft.json": text({
            "auto_mapping": None, "base_model_name_or_path": "stabilityai/stable-diffusion-3-medium-diffusers",
            "bias": "none", "fan_in_fan_out": False, "init_lora_weights": "gaussian", "lora_alpha": 64, "lora_bias": False,
            "modules_to_save": None, "peft_type": "LORA", "r": 32, "rank_pattern": {}, "alpha_pattern": {"^to_k": 8},
            "target_modules": ["attn.to_q", "attn.to_k"], "use_dora": False, "use_rslora": True,
        }),
        "adapter_config_that_lies.json": text(
            {"bias": "all", "init_lora_weights": "pissa_niter_4", "lora_alpha": "NaN", "modules_to_save": ["proj_out"],
             "peft_type": "LOKR", "r": 1e300, "rank_pattern": {"to_.*": -1}, "use_dora": True}
        ),
        "metadata.json": text(said),
        "sd3_medium": safetensors(
            {query + ".lora_A.weight": f32(2, 6), query + ".lora_B.weight": f32(6, 2)},
            {"modelspec.architecture": "stable-diffusion-3-medium/lora"},
        ),
    }


def checkpoints():
    state = text({"quant_type": "nf4", "blocksize": 64, "dtype": "bfloat16", "shape": [2, 64]})
    four_bit = {
        "w.weight": ("U8", [64, 1], bytes(range(64))), "w.weight.absmax": f32(2), "w.weight.quant_map": f32(16),
        "w.weight.quant_state.bitsandbytes__nf4": ("U8", [len(state)], state),
    }
    return {
        "diffusers": safetensors({"pos_embed.proj.weight": f32(4, 2, 1, 1), "proj_out.bias": bf16(8)}, {"format": "pt"}),
        "single": safetensors({
            "model.diffusion_model.joint_blocks.0.x_block.attn.qkv.weight": bf16(6, 2),
            "first_stage_model.decoder.conv_in.bias": f32(4),
            "text_encoders.clip_l.transformer.text_model.embeddings.token_embedding.weight": f32(3, 2),
        }),
        "four_bit": safetensors(four_bit),
        "fp8": safetensors({
            "scaled_fp8": ("F8_E4M3", [2], b"\0\0"), "a.weight": ("F8_E4M3", [2, 2], b"\1\2\3\4"),
            "a.scale_weight": ("F32", [], struct.pack("<f", 2)), "b": ("F16", [2], b"\0<\0="),
            "c": ("I64", [1], bytes(8)), "d": ("F32", [0], b""),
        }),
    }


def gguf(pairs, tensors):
    def string(value):
        return struct.pack("<Q", len(value)) + value.encode()

    body = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    for key, kind, value in pairs:
        body += string(key) + struct.pack("<I", kind) + (string(value) if kind == 8 else value)
    data = b""
    for name, dims, kind, values in tensors:
        data += b"\0" * (-len(data) % 32)
        body += string(name) + struct.pack("<I", len(dims)) + struct.pack(f"<{len(dims)}Q", *dims)
        body += struct.pack("<IQ", kind, len(data))
        data += values
    return body + b"\0" * (-len(body) % 32) + data


def ggufs():
    pairs = [
        ("general.architecture", 8, "sd3"), ("general.alignment", 4, struct.pack("<I", 32)),
        ("a.list", 9, struct.pack("<IQ", 5, 2) + bytes(8)), ("a.flag", 7, b"\1"), ("a.number", 12, bytes(8)),
    ]
    bytes_a_block = {2: 18, 3: 20, 6: 22, 7: 24, 8: 34, 10: 84, 11: 110, 12: 144, 13: 176, 14: 210}
    quantized = [
        (f"joint_blocks.0.x_block.{kind}.weight", [256 if kind >= 10 else 32, 1], kind, bytes(range(size)))
        for kind, size in bytes_a_block.items()
    ]
    return {
        "plain.gguf": gguf(pairs, [
            ("model.diffusion_model.final_layer.linear.weight", [2, 2], 0, bytes(16)),
            ("x_embedder.proj.bias", [4], 1, bytes(8)), ("b", [2], 30, bytes(4)),
        ]),
        "quantized.gguf": gguf(pairs[:1], quantized),
        "t5.gguf": gguf([("general.architecture", 8, "t5encoder")], [("enc.blk.0.attn_q.weight", [2, 2], 0, bytes(16))]),
    }


def packed():
    said = {"sd35.program": "p", "sd35.engine": "e", "sd35.weights": "w"}
    part = lambda size: ("U8", [size], bytes(size))
    files = {"none": safetensors({}, said)}
    for panel in (32, 64):
        weights = {"a#0": part(64 * panel), "a#1": part(4 * panel), "a#2": part(4 * panel)}
        files[f"int8-{panel}"] = safetensors(weights, said | {"a": f"int8 16 64 {panel} 4 128"}, align=64)
        weights = {"b#0": part(32 * panel), "b#1": part(64), "b#2": part(64)}
        files[f"nf4-{panel}"] = safetensors(weights, said | {"b": f"four-bit 16 64 {panel} 1024 64 0"}, align=64)
        weights = {"b#0": part(32 * panel), "b#1": part(64), "b#2": part(64), "b#3": part(1152)}
        files[f"nested-{panel}"] = safetensors(weights, said | {"b": f"four-bit 16 64 {panel} 1024 64 256"}, align=64)
    files["dense"] = safetensors({"a#0": part(4096)}, said | {"a": "oneDNN"}, align=64)
    return files


# --- texts


def train_configs():
    stage = {"steps": 10, "batch_size": 4, "accumulation": 2, "resolutions": [256, 512], "max_aspect": 2, "learning_rate": 1e-4}
    common = {"model": "/", "data": "d", "stages": [stage]}
    full = common | {
        "task": "transformer", "from_scratch": True, "validation_data": "v", "cache": "c", "seed": 1, "dtype": "f32",
        "optimizer": {"name": "muon", "learning_rate": 1e-3, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8, "weight_decay": 0.1,
                      "momentum": 0.9, "max_gradient_norm": 1, "schedule": "cosine", "warmup_steps": 5, "ema": 0.999},
        "timesteps": {"density": "mode", "logit_mean": 0, "logit_std": 1, "mode_scale": 1.29, "base_resolution": 256},
        "samples": {"prompts": ["a cat"], "width": 64, "height": 64, "steps": 4, "guidance_scale": 3, "seed": 2},
        "stages": [stage, {"steps": 1, "resolutions": [64], "shift": 2, "max_sequence_length": 77, "enlarge": False}],
        "checkpoint_every": 5, "keep_checkpoints": 1, "log_every": 1, "validate_every": 2, "sample_every": 3,
        "condition_dropout": 0.1, "position_crop": 0.5, "flip": True, "empty_caption_dropout": True,
    }
    lora = common | {"task": "lora", "lora": {"rank": 4, "alpha": 8, "targets": ["attn.to_q"]}}
    autoencoder = common | {"task": "autoencoder", "kl_weight": 1e-6, "perceptual_weight": 1, "reconstruction": "mse", "decoder_only": True}
    return {
        "transformer.json": b"// a run\n" + text(full),
        "lora.json": text(lora),
        "autoencoder.json": text(autoencoder),
        "clip.json": text(common | {"task": "clip", "component": "text_encoder_2"}),
        "t5.json": text({"task": "t5", "model": "/", "captions": "c.txt", "mask_ratio": 0.2, "place_weight": 1, "stages": [{"steps": 3}]}),
        "hub.json": text(common | {"model": "stabilityai/stable-diffusion-3.5-medium"}),
    }


def prompt_files():
    def line(kind, expect, items, **more):
        scene = {"kind": kind, "items": items, "background_rgb": [9, 200, 255], "layout_seed": 5} | more
        return text({"prompt": "a " + kind, "kind": kind, "expect": expect, "scene": scene})

    circle, cat = {"shape": "circle", "colour": "red"}, {"thing": "cat"}
    sign = {"form": "wooden sign", "words": ["HELLO", "you"], "colour": "white", "text_colour": "black", "typeface": 3}
    position = {"first": circle, "relation": "left of", "second": cat}
    lines = [
        line("words", {"words": sign["words"]}, [cat], sign=sign),
        line("thing", cat, [cat | {"size": "small"}], background="beach"),
        line("colour", {"thing": "balloon", "colour": "red"}, [{"thing": "balloon", "colour": "red"}]),
        line("shape", circle, [circle]),
        line("position", position, [circle, cat], relation="left of"),
        line("count", cat | {"count": 3}, [cat], count=3),
        line("background", {"background": "night"}, [cat], background="night"),
    ]
    return {
        "all.jsonl": b"\n".join(lines) + b"\n",
        **{f"line{number}.jsonl": one for number, one in enumerate(lines)},
        "scene.json": text(json.loads(lines[0])["scene"]),
        "plain.txt": b"a cat\n\na sign that reads \"HELLO you\"\r\n(a cat:1.3), [dog|fox] <lora:name:0.8> says 'x'\n",
        "vocabulary.json": text({"words": ["a", "red", "fox"], "letters": "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}),
    }


def prompt_lines():
    options = {**RECIPE["generate"], "seed": 7, "loras": [{"path": "a.safetensors", "weight": 0.5}]}
    del options["count"]
    return {
        "plain.txt": b"a cat\n\n  \r\na sign that reads \"HELLO\", caf\xc3\xa9\n",
        "lines.jsonl": b"\xef\xbb\xbf" + text({"prompt": "a cat"}) + b"\n" + text(options) + b"\na dog\n",
        "wrong.jsonl": b"\n".join([b"{", b"{}", text({"prompt": 1}), text({"quantize": "int8", "prompt": "a"}),
                                   text({"count": 2}), b"a\0b", b"caf\xe9", b" {\"prompt\": \"a\", \"prompt\": null}"]),
        "axis.txt": b"guidance=3,4.5,6",
        "words.txt": b"sampler=euler,heun",
        "field.txt": b"skip_layer_guidance.scale=1,2e0",
    }


def reports():
    picture = lambda label, i: {"file": f"pictures/{label}/prompt-0000{i}.png", "seen": "", "checks": {"thing": True}}
    rows = [
        {"prompt": prompt, "seed": 7 + i, "kind": "thing", "pictures": {label: picture(label, i) for label in ("drawn", "m", "n")}}
        for i, prompt in enumerate(["a cat", "a dog"])
    ]
    columns = [{"label": label, "model": "models/" + label, "pictures_drawn_now": 2} for label in ("drawn", "m", "n")]
    skip = {"layers": [7, 8], "stop": 0.5}
    columns[1] |= {"load": {"dtype": "f32", "loras": [{"path": "a.safetensors", "weight": 0.8}], "use_t5": False},
                   "generate": {"width": 128, "num_inference_steps": 2, "sampler": "heun", "skip_layer_guidance": skip}}
    outside = json.loads(text(rows))
    outside[1]["pictures"]["m"]["file"] = "../../etc/hostname"
    settings = {"seed": 7, "seeds": 1}
    return {
        "report.json": text({"settings": settings, "columns": columns, "prompts": rows}),
        "outside.json": text({"settings": settings, "columns": columns, "prompts": outside}),
        "empty.json": text({"columns": [], "prompts": []}),
    }


def clip_tokenizer_json():
    words = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
    tokens = ["a", "c", "t", "a</w>", "t</w>", "at</w>", "cat</w>", "<|startoftext|>", "<|endoftext|>"]
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": 7, "content": "<|startoftext|>", "single_word": False, "lstrip": False, "rstrip": False, "normalized": True, "special": True},
            {"id": 8, "content": "<|endoftext|>", "single_word": False, "lstrip": True, "rstrip": True, "normalized": False, "special": True},
        ],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Lowercase"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": words}, "behavior": "Removed", "invert": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
        "post_processor": {"type": "RobertaProcessing", "sep": ["<|endoftext|>", 8], "cls": ["<|startoftext|>", 7]},
        "model": {"type": "BPE", "dropout": None, "unk_token": "<|endoftext|>", "continuing_subword_prefix": "",
                  "end_of_word_suffix": "</w>", "fuse_unk": False, "byte_fallback": False,
                  "vocab": {token: i for i, token in enumerate(tokens)}, "merges": [["a", "t</w>"], "c at</w>"]},
    }


def character_map():
    """A precompiled one of SentencePiece: an empty trie and no texts."""
    return struct.pack("<I", 16) + struct.pack("<4I", 0, 0, 0, 0) + b"a\0"


def t5_tokenizer_json():
    pieces = [["<pad>", 0], ["</s>", 0], ["<unk>", 0], ["\u2581", -2.0], ["\u2581a", -1.5], ["c", -3], ["at", -2.5]]
    return {
        "version": "1.0",
        "added_tokens": [
            {"id": i, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
            for i, token in enumerate(["<pad>", "</s>", "<unk>"])
        ] + [{"id": 7, "content": "<extra_id_0>", "lstrip": True, "rstrip": False, "normalized": False}],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(character_map()).decode()},
            {"type": "Strip", "strip_left": False, "strip_right": True},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u2581"}]},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True}]},
        "post_processor": {"type": "TemplateProcessing"},
        "model": {"type": "Unigram", "unk_id": 2, "vocab": pieces, "byte_fallback": False},
    }


def tokenizer_jsons():
    config = {
        "bos_token": "<|startoftext|>", "eos_token": {"content": "<|endoftext|>"}, "pad_token": "!", "unk_token": "<|endoftext|>",
        "model_max_length": 77,
        "added_tokens_decoder": {"0": {"content": "!", "lstrip": False, "rstrip": True, "normalized": False, "single_word": False}},
    }
    t5 = t5_tokenizer_json()
    plain = t5 | {"normalizer": None, "pre_tokenizer": t5["pre_tokenizer"]["pretokenizers"][1]}
    return {
        "clip.json": text(clip_tokenizer_json()), "t5.json": text(t5), "plain.json": text(plain),
        "clip_config.json": text(config),
        "t5_config.json": text({"eos_token": "</s>", "pad_token": "<pad>", "model_max_length": 1e30,
                                "added_tokens_decoder": {"0": {"content": "<pad>"}, "1": {"content": "</s>"}}}),
    }


def sentencepiece(pieces):
    """ModelProto: 1: pieces {1: text, 2: score, 3: kind}, 2: trainer {3: model type}, 3: normalizer {2: map}."""
    def field(number, data):
        return bytes([number << 3 | 2, len(data)]) + data

    body = b""
    for piece, score, kind in pieces:
        body += field(1, field(1, piece.encode()) + b"\x15" + struct.pack("<f", score) + bytes([0x18, kind]))
    return body + field(2, b"\x18\x01") + field(3, field(2, character_map()))


def t5_tokenizers():
    pieces = [("<pad>", 0, 3), ("</s>", 0, 3), ("<unk>", 0, 2), ("\u2581", -2, 1), ("\u2581a", -1.5, 1), ("at", -3, 1)]
    return {"spiece.model": sentencepiece(pieces), "text": "a cat </s> caf\u00e9 <extra_id_0> \u2581a".encode()}


def clip_tokenizers():
    model = clip_tokenizer_json()["model"]
    return {"vocab.json": text(model["vocab"]), "merges.txt": b"#version: 0.2\na t</w>\nc at</w>\n", "text": b"a Cat's 12 <|endoftext|> \xc3\xa9"}


def configs():
    return {
        "transformer.json": text({"_class_name": "SD3Transformer2DModel", "num_layers": 24.0, "sample_size": 128, "patch_size": 2,
                                  "dual_attention_layers": [0, 1, 2], "qk_norm": "rms_norm", "pos_embed_max_size": 384}),
        "vae.json": text({"block_out_channels": [128, 256], "act_fn": "silu", "scaling_factor": 1.5305, "use_quant_conv": False, "a": None}),
        "index.json": text({"metadata": {"total_size": 8}, "weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}),
    }


# --- data sets and caches


def tars():
    def tar(format, **members):
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w", format=format) as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name.replace("__", "."))
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return file.getvalue().rstrip(b"\0") + bytes(1024)

    dot = png(1, 1, 8, 2, 3)
    return {
        "ustar.tar": tar(tarfile.USTAR_FORMAT, a__png=dot, a__txt=b"a cat\na dog\n", a__json=b"{}"),
        "pax.tar": tar(tarfile.PAX_FORMAT, **{"\u00e4" * 60 + "__png": dot, "\u00e4" * 60 + "__txt": b"long caption"}),
        "gnu.tar": tar(tarfile.GNU_FORMAT, **{"b" * 120 + "__jpg": base64.b64decode(JPEG), "c__webp": base64.b64decode(WEBP)}),
        "metadata.jsonl": text({"file_name": "a/b.png", "text": "a cat"}) + b"\n" + text({"file_name": "c.jpg", "caption": ["x", "y"]}) + b"\n",
    }


def record(which, key_bytes, kind, dims, values):
    """A record of a segment of a cache; the target makes the checksums right. `which`: one of the keys that it looks for."""
    head = b"rec\n" + struct.pack("<III8sQ", key_bytes, len(dims), which, kind, len(values)) + bytes(24)
    return head + b"k" * key_bytes + struct.pack(f"<{len(dims)}q", *dims) + values


def prompt_caches():
    notes = text({"question": {"max_sequence_length": 1, "texts": [[[97], [98], [99]]]}, "warnings": ["a warning"]})
    tokens = record(0, 39, b"f32", [1, 3, 8], bytes(96))
    pooled = record(1, 39, b"f32", [1, 7], bytes(28))
    said = record(2, 38, b"u8", [len(notes)], notes)
    return {
        "whole": tokens + pooled + said,
        "other_shape": record(0, 39, b"bf16", [2, 3], bytes(12)) + record(1, 39, b"f32", [0, 7], b"") + said,
        "scalar": record(0, 39, b"i64", [], bytes(8)) + record(2, 38, b"f8_e4m3", [2, 2], bytes(4)),
        "no_elements": record(0, 39, b"f32", [1 << 62, 1 << 62, 0], b"") + record(1, 39, b"f32", [0, 1 << 62, 1 << 62], b""),
        "nan": record(0, 39, b"f32", [1, 3, 8], b"\xff" * 96) + pooled + said,
        "notes.json": notes,
    }


def request_heads():
    """What clients send, and what made servers disagree about where a request ends."""
    get = lambda *fields: b"\r\n".join([b"GET /api/v1/jobs?limit=1 HTTP/1.1", *fields, b"", b""])
    host = b"Host: localhost:7860"
    return {
        "browser": get(host, b"User-Agent: Mozilla/5.0", b"Accept: */*", b"Origin: http://localhost:7860", b"Connection: keep-alive"),
        "post": get(host, b"Content-Length: 12", b"Content-Type: application/json", b"Expect: 100-continue").replace(b"GET", b"POST"),
        "token": get(host, b"Authorization: Bearer secret", b"Last-Event-ID: 5"),
        "basic": get(host, b"Authorization: Basic YTpzZWNyZXQ="),
        "proxy": get(host).replace(b"/api", b"http://localhost:7860/api"),
        "old": get(host).replace(b"1.1", b"1.0"),
        "both_lengths": get(host, b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        "two_lengths": get(host, b"Content-Length: 5", b"Content-Length: 6"),
        "plus_length": get(host, b"Content-Length: +5"),
        "xchunked": get(host, b"Transfer-Encoding: xchunked"),
        "folded": get(host, b"X-A: b", b" c"),
        "bare_lf": get(host).replace(b"\r\n", b"\n"),
        "blank_before_colon": get(host, b"X-A : b"),
        "escapes": get(host).replace(b"limit=1", b"a=%20&b=%zz&c=%00"),
        "base64": b"bGlnaHQgdw==",
    }


def forms():
    """Their boundary, a line, and their body; and types that name boundaries."""
    part = lambda disposition, content: b"--b\r\nContent-Disposition: " + disposition + b"\r\n\r\n" + content + b"\r\n"
    good = part(b'form-data; name="prompt"', b"a red cube")
    return {
        "texts": b"b\n" + good + part(b'form-data; name="n"', b"2") + b"--b--\r\n",
        "file": b"b\n" + part(b'form-data; name="image"; filename="a.png"\r\nContent-Type: image/png', b"\x89PNG\r\n--\r\n") + b"--b--",
        "empty_content": b"b\n" + part(b"form-data; name=a", b"") + b"--b--",
        "preamble": b"b\nhello\r\n" + good + b"--b--",
        "cut": b"b\n" + good,
        "longer_boundary": b"b\n" + good + b"--bc\r\n",
        "no_name": b"b\n" + part(b"form-data", b"x") + b"--b--",
        "type": b'multipart/form-data; charset=utf-8; boundary="a b"',
        "target": b"/a%20b?c=d&e=%2f#g",
    }


def job_bodies():
    """A byte that chooses the dialect, and what its clients send."""
    small = base64.b64encode(png(16, 16, 8, 2, 48)).decode()
    own = {"prompt": "a red cube", "width": 64, "height": 64, "num_inference_steps": 3, "seed": 7, "count": 2, "sampler": "heun",
           "loras": [], "previews": True, "output_format": "webp", "guidance_scale": 2, "inpaint": {"blur": 2}, "init": {"resize": "crop"}}
    openai = {"prompt": "a red cube", "n": 1, "size": "64x64", "steps": 3, "seed": 7, "stream": True, "partial_images": 2, "quality": "low"}
    a1111 = {"prompt": "a <lora:ink:0.8> cube", "steps": 3, "width": 64, "height": 64, "sampler_name": "Euler a", "scheduler": "Karras",
             "override_settings": {"sd_model_checkpoint": "tiny"}, "alwayson_scripts": {}, "batch_size": 2, "seed": -1}
    sdcpp = {"prompt": "a", "width": 64, "height": 64, "sample_params": {"sample_steps": 3, "sample_method": "euler_a", "guidance": {
        "txt_cfg": 4.5, "slg": {"layers": [1], "scale": 2.8}}}, "hires": {"enabled": True, "scale": 1.5, "upscaler": "Latent"}, "lora": []}
    part = lambda name, content: b'--b\r\nContent-Disposition: form-data; name="' + name + b'"\r\n\r\n' + content + b"\r\n"
    return {
        "own": b"\0" + text(own),
        "own_picture": b"\0" + text({"prompt": "a", "image": small, "mask": "data:image/png;base64," + small, "strength": 0.5}),
        "openai": b"\1" + text(openai),
        "openai_edit": b"\2" + part(b"prompt", b"a cat") + part(b"n", b"1") + part(b"image", png(16, 16, 8, 6, 64)) + b"--b--",
        "a1111": b"\3" + text(a1111),
        "a1111_picture": b"\4" + text({"prompt": "a", "init_images": [small], "mask": small, "inpainting_fill": 2, "resize_mode": 1}),
        "sdcpp": b"\5" + text(sdcpp),
    }


def main():
    shutil.rmtree(CORPUS, ignore_errors=True)
    seeds = {
        "clip_tokenizer": clip_tokenizers(), "config": configs(), "gguf": ggufs(), "image": pictures(), "job_body": job_bodies(), "lora": loras(),
        "multipart": forms(), "packed_weights": packed(), "prompt_cache": prompt_caches(), "prompt_file": prompt_files(), "prompt_lines": prompt_lines(), "recipe": recipes(),
        "report": reports(), "request_head": request_heads(), "safetensors": checkpoints(), "t5_tokenizer": t5_tokenizers(), "tar": tars(),
        "tokenizer_json": tokenizer_jsons(), "train_config": train_configs(),
    }
    total = 0
    for target, files in seeds.items():
        (CORPUS / target).mkdir(parents=True)
        for name, data in files.items():
            if len(data) > LARGEST:
                raise SystemExit(f"{target}/{name} has {len(data)} bytes; up to {LARGEST} are of use")
            (CORPUS / target / name).write_bytes(data)
            total += len(data)
    print(f"{sum(map(len, seeds.values()))} seeds, {total} bytes in {CORPUS}")


if __name__ == "__main__":
    main()
