"""Makes the goldens of tests/parity/lora_test.cc from the reference environment (see CONTRIBUTING.md).

    python tools/reference/lora_goldens.py --sd35 build/bin/sd35
    python tools/reference/lora_goldens.py --sd35 build/bin/sd35 --compare OURS.safetensors --model TINY

The first makes adapters of the tiny random model (f32, seed 7), saves them as diffusers does and in kohya's
layout, trains another with `sd35 train`, and stores what diffusers draws with them. The second loads a file that sd35 wrote into diffusers, draws
with both programs and prints how far apart the pictures are.
"""

import argparse
import json
import os
import shutil
import subprocess
import tempfile

import numpy
import torch
from diffusers import StableDiffusion3Pipeline
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from PIL import Image
from safetensors.torch import save_file

import inputs as make_inputs

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "lora")
RANK, ALPHA = 4, 8
ATTENTION = ["to_q", "to_k", "to_v", "to_out.0"]
CONTEXT = ["add_q_proj", "add_k_proj", "add_v_proj", "to_add_out"]
TRANSFORMER = (
    [f"attn.{layer}" for layer in ATTENTION + CONTEXT]
    + [f"attn2.{layer}" for layer in ATTENTION]
    + [f"{ff}.net.{layer}" for ff in ("ff", "ff_context") for layer in ("0.proj", "2")]
    + ["norm1_context.linear", "norm_out.linear"]
)
TEXT = ["q_proj", "k_proj", "v_proj", "out_proj"]
SETTINGS = dict(
    prompt=make_inputs.PROMPTS[0],
    negative_prompt="blurry",
    width=160,
    height=128,
    num_inference_steps=8,
    guidance_scale=4.5,
    max_sequence_length=32,
)


def open_pipeline(folder):
    pipe = StableDiffusion3Pipeline.from_pretrained(folder, torch_dtype=torch.float32)
    pipe.set_progress_bar_config(disable=True)
    return pipe


@torch.no_grad()
def draw(pipe, output_type):
    return pipe(**SETTINGS, generator=torch.Generator().manual_seed(42), output_type=output_type).images


def add_adapter(model, targets, patterns, generator):
    """A new adapter with random values; returns its tensors (bf16, as trainers store them) and configuration."""
    model.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=targets, **patterns))
    tensors = get_peft_model_state_dict(model, adapter_name="default")
    for key, tensor in sorted(tensors.items()):
        deviation = 0.25 if "lora_A" in key else 0.02
        tensors[key] = (torch.randn(tensor.shape, generator=generator) * deviation).to(torch.bfloat16)
    # The second attention has one A for its three projections, as a fused layer trains them.
    for key in tensors:
        for projection in ("to_k", "to_v"):
            if f"attn2.{projection}.lora_A" in key:
                tensors[key] = tensors[key.replace(projection, "to_q")].clone()
    config = {key: sorted(value) if isinstance(value, set) else value
              for key, value in model.peft_config["default"].to_dict().items()}
    return tensors, config


def save_peft(pipe, path):
    generator = torch.Generator().manual_seed(3)
    patterns = dict(rank_pattern={"ff.net.2": 2}, alpha_pattern={"^norm_out.linear": 6, "ff.net.0.proj": 3})
    transformer, transformer_config = add_adapter(pipe.transformer, TRANSFORMER, patterns, generator)
    clip_l, clip_l_config = add_adapter(pipe.text_encoder, TEXT, {}, generator)
    clip_g, clip_g_config = add_adapter(pipe.text_encoder_2, TEXT, {}, generator)
    StableDiffusion3Pipeline.save_lora_weights(
        os.path.dirname(path),
        transformer_lora_layers=transformer,
        text_encoder_lora_layers=clip_l,
        text_encoder_2_lora_layers=clip_g,
        transformer_lora_adapter_metadata=transformer_config,
        text_encoder_lora_adapter_metadata=clip_l_config,
        text_encoder_2_lora_adapter_metadata=clip_g_config,
        weight_name=os.path.basename(path),
    )
    return transformer, clip_l, clip_g


def alpha_of(layer):
    if layer == "norm_out.linear":
        return 6
    return 3 if layer.endswith("ff.net.0.proj") else ALPHA


def swapped(up):
    first, second = up.chunk(2)
    return torch.cat([second, first])


def kohya_transformer(tensors, last):
    """The same adapters under the names and in the row order of the original layout."""
    pairs = {}
    for key in tensors:
        layer = key.split(".lora_")[0]
        pairs[layer] = (tensors[f"{layer}.lora_A.weight"], tensors[f"{layer}.lora_B.weight"])

    def fused(layers):
        downs, ups = zip(*(pairs[layer] for layer in layers))
        if all(torch.equal(down, downs[0]) for down in downs):
            return downs[0], torch.cat(ups)
        return torch.cat(downs), torch.block_diag(*ups)

    result = {"final_layer.adaLN_modulation.1": (pairs["norm_out.linear"][0], swapped(pairs["norm_out.linear"][1]), 6)}
    for block in range(last + 1):
        ours, theirs = f"transformer_blocks.{block}", f"joint_blocks.{block}"
        for attention in ("attn", "attn2"):
            if f"{ours}.{attention}.to_q" in pairs:
                layers = [f"{ours}.{attention}.{name}" for name in ("to_q", "to_k", "to_v")]
                result[f"{theirs}.x_block.{attention}.qkv"] = (*fused(layers), ALPHA)
        context = [f"{ours}.attn.{name}" for name in ("add_q_proj", "add_k_proj", "add_v_proj")]
        result[f"{theirs}.context_block.attn.qkv"] = (*fused(context), ALPHA)
        down, up = pairs[f"{ours}.norm1_context.linear"]
        up = swapped(up) if block == last else up
        result[f"{theirs}.context_block.adaLN_modulation.1"] = (down, up, ALPHA)
        for ours_end, theirs_end in {
            "attn.to_out.0": "x_block.attn.proj",
            "attn2.to_out.0": "x_block.attn2.proj",
            "attn.to_add_out": "context_block.attn.proj",
            "ff.net.0.proj": "x_block.mlp.fc1",
            "ff.net.2": "x_block.mlp.fc2",
            "ff_context.net.0.proj": "context_block.mlp.fc1",
            "ff_context.net.2": "context_block.mlp.fc2",
        }.items():
            layer = f"{ours}.{ours_end}"
            if layer in pairs:
                result[f"{theirs}.{theirs_end}"] = (*pairs[layer], alpha_of(layer))
    return result


def save_kohya(adapters, last, path):
    transformer, clip_l, clip_g = adapters
    file = {}

    def add(name, down, up, alpha):
        file[f"{name}.lora_down.weight"] = down.contiguous()
        file[f"{name}.lora_up.weight"] = up.contiguous()
        file[f"{name}.alpha"] = torch.tensor(float(alpha), dtype=torch.bfloat16)

    for layer, (down, up, alpha) in kohya_transformer(transformer, last).items():
        add("lora_unet_" + layer.replace(".", "_"), down, up, alpha)
    for prefix, tensors in (("lora_te1_", clip_l), ("lora_te2_", clip_g)):
        for key in tensors:
            layer, _, end = key.partition(".lora_")
            if end == "A.weight":
                name = prefix + layer.replace(".", "_")
                add(name, tensors[key], tensors[f"{layer}.lora_B.weight"], ALPHA)
    save_file(file, path, metadata={"ss_network_module": "networks.lora_sd3", "ss_network_dim": str(RANK)})


def train(sd35, folder, work, path):
    """A LoRA by `sd35 train`, from pictures of noise: a few steps that change the model visibly."""
    data = os.path.join(work, "data")
    os.makedirs(data)
    random = numpy.random.default_rng(5)
    for index in range(4):
        picture = random.integers(0, 256, (4, 4, 3), dtype=numpy.uint8)
        Image.fromarray(picture).resize((64, 64)).save(os.path.join(data, f"{index}.png"))
        with open(os.path.join(data, f"{index}.txt"), "w") as caption:
            caption.write(f"picture {index}")
    config = {
        "task": "lora",
        "model": folder,
        "data": data,
        "dtype": "f32",
        "lora": {"rank": RANK, "alpha": ALPHA, "targets": TRANSFORMER},
        "optimizer": {"learning_rate": 2e-2},
        "stages": [{"steps": 20, "batch_size": 4, "resolutions": [64], "max_sequence_length": 16}],
    }
    with open(os.path.join(work, "lora.json"), "w") as file:
        json.dump(config, file)
    run = os.path.join(work, "run")
    subprocess.run([sd35, "train", "--quiet", file.name, "-o", run], check=True)
    shutil.copyfile(os.path.join(run, "lora.safetensors"), path)


def make(sd35, folder, work):
    os.makedirs(GOLDEN, exist_ok=True)
    peft, kohya, trained, outputs = (
        os.path.abspath(os.path.join(GOLDEN, f"{name}.safetensors")) for name in ("peft", "kohya", "trained", "outputs")
    )
    pipe = open_pipeline(folder)
    save_kohya(save_peft(pipe, peft), len(pipe.transformer.transformer_blocks) - 1, kohya)
    train(sd35, folder, work, trained)

    pipe = open_pipeline(folder)
    pictures = {}

    def store(name):
        pictures[f"picture_{name}"] = torch.from_numpy((draw(pipe, "np")[0] * 255).round()).to(torch.uint8).contiguous()

    store("without")
    pipe.load_lora_weights(peft, adapter_name="peft")
    store("peft")
    pipe.set_adapters(["peft"], [-0.5])
    store("weight")
    pipe.load_lora_weights(trained, adapter_name="trained")
    pipe.set_adapters(["peft", "trained"], [0.5, 0.75])
    store("both")
    pipe.set_adapters(["trained"], [1.0])
    store("trained")
    save_file(pictures, outputs)


def compare(sd35, folder, file):
    pipe = open_pipeline(folder)
    pipe.load_lora_weights(os.path.abspath(file))
    theirs = (draw(pipe, "np")[0] * 255).round()
    with tempfile.TemporaryDirectory() as work:
        output = os.path.join(work, "ours.png")
        command = [sd35, "generate", "--quiet", "--dtype", "f32", "-m", folder, "--lora", file, "-o", output]
        command += ["-p", SETTINGS["prompt"], "-n", SETTINGS["negative_prompt"], "-W", str(SETTINGS["width"])]
        command += ["-H", str(SETTINGS["height"]), "--steps", str(SETTINGS["num_inference_steps"]), "-s", "42"]
        command += ["-g", str(SETTINGS["guidance_scale"])]
        command += ["--max-sequence-length", str(SETTINGS["max_sequence_length"])]
        subprocess.run(command, check=True)
        ours = numpy.asarray(Image.open(output)).astype(numpy.float64)
    error = numpy.mean((ours - theirs) ** 2)
    plain = open_pipeline(folder)
    change = numpy.mean(((draw(plain, "np")[0] * 255).round() - theirs) ** 2)
    print(f"PSNR {10 * numpy.log10(255**2 / error) if error else float('inf'):.1f} dB; "
          f"the LoRA changes diffusers' picture by {10 * numpy.log10(255**2 / change):.1f} dB")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sd35", required=True, help="the program sd35")
    parser.add_argument("--compare", metavar="FILE", help="a LoRA that sd35 wrote")
    parser.add_argument("--model", help="with --compare: the model that it belongs to")
    arguments = parser.parse_args()
    if arguments.compare:
        return compare(arguments.sd35, arguments.model, arguments.compare)
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "tiny")
        command = [arguments.sd35, "make-random-model", "--size", "tiny", "--dtype", "f32", "--seed", "7", "-o", folder]
        subprocess.run(command, check=True)
        make(arguments.sd35, folder, work)


if __name__ == "__main__":
    main()
