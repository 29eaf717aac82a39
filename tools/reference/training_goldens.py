"""Makes the goldens of tests/unit/train/training_step_test.cc and optimizers/muon_test.cc from the reference environment (see CONTRIBUTING.md).

    python tools/reference/training_goldens.py --sd35 build/bin/sd35

Ten steps of the tiny random model (f32, seed 7) with torch's autograd and AdamW: inputs, losses, the norm of each gradient
and some values of every weight after the first and the last step. And three steps of torch.optim.Muon on matrices of four shapes.
"""

import argparse
import os
import subprocess
import tempfile

import torch
from diffusers import SD3Transformer2DModel
from safetensors.torch import save_file

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "training_step.safetensors")
MUON_GOLDEN = os.path.join(os.path.dirname(GOLDEN), "muon.safetensors")
STEPS = 10
PROBES = 8  # values of each weight


def probe(parameter):
    flat = parameter.detach().flatten()
    index = torch.linspace(0, flat.numel() - 1, PROBES).round().long()
    return flat[index].clone()


def muon_steps():
    generator = torch.Generator().manual_seed(4)
    # Not square, as five iterations blow up the rounding errors of very small singular values; not tiny, as LibTorch
    # 1.13 then sums in bf16.
    shapes = [(16, 48), (24, 64), (64, 24), (16, 48)]
    matrices = [torch.nn.Parameter(torch.randn(shape, generator=generator)) for shape in shapes]
    optimizer = torch.optim.Muon(matrices, lr=0.02, weight_decay=0.1, momentum=0.9, adjust_lr_fn="match_rms_adamw")
    tensors = {f"before.{i}": m.detach().clone() for i, m in enumerate(matrices)}
    for step in range(3):
        for i, m in enumerate(matrices):
            m.grad = torch.randn(m.shape, generator=generator)
            tensors[f"gradient.{step}.{i}"] = m.grad
        optimizer.step()
        tensors.update({f"after.{step}.{i}": m.detach().clone() for i, m in enumerate(matrices)})
    save_file(tensors, MUON_GOLDEN)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sd35", required=True, help="the program sd35")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = os.path.join(work, "tiny")
        command = [arguments.sd35, "make-random-model", "--size", "tiny", "--dtype", "f32", "--seed", "7", "-o", folder]
        subprocess.run(command, check=True)
        model = SD3Transformer2DModel.from_pretrained(folder, subfolder="transformer", torch_dtype=torch.float32)
    muon_steps()
    model.train()
    generator = torch.Generator().manual_seed(3)

    def randn(*shape):
        return torch.randn(shape, generator=generator)

    config = model.config
    clean = randn(STEPS, 2, config.in_channels, 6, 8)
    noise = randn(STEPS, 2, config.in_channels, 6, 8)
    sigmas = torch.rand(STEPS, 2, generator=generator)
    prompt = randn(2, 20, config.joint_attention_dim)
    pooled = randn(2, config.pooled_projection_dim)

    named = dict(model.named_parameters())
    groups = [
        {"params": [p for p in named.values() if p.dim() > 1], "weight_decay": 0.01},
        {"params": [p for p in named.values() if p.dim() <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-3)
    losses, norms, first, last = [], [], {}, {}
    for step in range(STEPS):
        sigma = sigmas[step].view(-1, 1, 1, 1)
        z = (1 - sigma) * clean[step] + sigma * noise[step]
        velocity = model(
            hidden_states=z,
            encoder_hidden_states=prompt,
            pooled_projections=pooled,
            timestep=sigmas[step] * 1000,
            return_dict=False,
        )[0]
        loss = (velocity - (noise[step] - clean[step])).square().mean()
        optimizer.zero_grad()
        loss.backward()
        norms.append(torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0))
        optimizer.step()
        losses.append(loss.detach())
        if step == 0:
            first = {"first." + name: probe(p) for name, p in named.items()}
    last = {"last." + name: probe(p) for name, p in named.items()}
    save_file(
        {
            "clean": clean,
            "noise": noise,
            "sigmas": sigmas,
            "prompt": prompt,
            "pooled": pooled,
            "losses": torch.stack(losses),
            "norms": torch.stack(norms),
            **first,
            **last,
        },
        GOLDEN,
    )


if __name__ == "__main__":
    main()
