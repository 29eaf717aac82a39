"""Makes the goldens of tests/parity/peft_test.cc from PEFT (see CONTRIBUTING.md).

    python tools/reference/peft_goldens.py --sd35 build/bin/sd35

Adapters of the tiny random model's transformer (f32, seed 7) as folders that PEFT saves, of the layers that
reward-tuned adapters of Stable Diffusion 3.5 Medium change, and its velocities with them merged.
"""

import argparse
import json
import os
import subprocess
import tempfile

import torch
from diffusers import SD3Transformer2DModel
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

GOLDENS = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden")
FOLDER = os.path.join(GOLDENS, "lora", "peft_folders")
TARGETS = [
    f"attn.{layer}"
    for layer in ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
]
KINDS = {
    "plain": dict(r=4, lora_alpha=8),
    "rslora": dict(r=3, lora_alpha=6, use_rslora=True),
    "patterns": dict(r=4, lora_alpha=8, rank_pattern={"attn.to_q": 2}, alpha_pattern={"attn.to_out.0": 1}),
}


def adapted(folder, kinds):
    """The transformer with these adapters, of random values that depend on the kind only."""
    transformer = SD3Transformer2DModel.from_pretrained(folder, subfolder="transformer", torch_dtype=torch.float32)
    configs = {kind: LoraConfig(target_modules=TARGETS, **KINDS[kind]) for kind in kinds}
    model = get_peft_model(transformer.eval(), configs[kinds[0]], adapter_name=kinds[0])
    for kind in kinds[1:]:
        model.add_adapter(kind, configs[kind])
    for seed, kind in enumerate(KINDS):
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in sorted(model.named_parameters()):
            if f".{kind}." not in name or "lora_" not in name:
                continue
            deviation = 0.25 if "lora_A" in name else 0.1
            # Of bf16's values, so that the files can be small.
            values = (torch.randn(parameter.shape, generator=generator) * deviation).to(torch.bfloat16).float()
            parameter.data.copy_(values)
    return model


@torch.no_grad()
def velocity(model, weights, inputs):
    """With each adapter's updates multiplied by its weight, merged."""
    for module in model.modules():
        if hasattr(module, "scaling"):
            for kind, weight in weights.items():
                if kind in module.scaling:
                    module.scaling[kind] *= weight
    merged = model.merge_and_unload(adapter_names=list(weights), safe_merge=True)
    return merged(
        hidden_states=inputs["transformer/1/latents"],
        timestep=inputs["transformer/1/timesteps"],
        encoder_hidden_states=inputs["transformer/1/prompt_embedding"],
        pooled_projections=inputs["transformer/1/pooled_projection"],
        return_dict=False,
    )[0].contiguous()


def save(model, kind):
    model.peft_config[kind].base_model_name_or_path = "stabilityai/stable-diffusion-3.5-medium"
    with tempfile.TemporaryDirectory() as work:
        model.save_pretrained(work, selected_adapters=[kind])
        saved, target = os.path.join(work, kind), os.path.join(FOLDER, kind)
        os.makedirs(target, exist_ok=True)
        with open(os.path.join(saved, "adapter_config.json")) as file:
            config = json.load(file)
        config["target_modules"].sort()  # a set, saved in any order
        with open(os.path.join(target, "adapter_config.json"), "w") as file:
            json.dump(config, file, indent=2)
            file.write("\n")
        tensors = load_file(os.path.join(saved, "adapter_model.safetensors"))
        tensors = {key: tensor.to(torch.bfloat16) for key, tensor in tensors.items()}
        save_file(tensors, os.path.join(target, "adapter_model.safetensors"), metadata={"format": "pt"})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sd35", required=True, help="the program sd35")
    arguments = parser.parse_args()
    inputs = load_file(os.path.join(GOLDENS, "stages_inputs.safetensors"))
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "tiny")
        command = [arguments.sd35, "make-random-model", "--size", "tiny", "--dtype", "f32", "--seed", "7", "-o", folder]
        subprocess.run(command, check=True)
        outputs = {}
        for kind in KINDS:
            model = adapted(folder, [kind])
            save(model, kind)
            outputs[kind] = velocity(model, {kind: 1.0}, inputs)
        outputs["two"] = velocity(adapted(folder, ["plain", "rslora"]), {"plain": 0.7, "rslora": -0.3}, inputs)
    save_file(outputs, os.path.join(FOLDER, "outputs.safetensors"))


if __name__ == "__main__":
    main()
