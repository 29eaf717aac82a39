"""Makes the goldens of the tiny autoencoder (TAESD3) from diffusers' AutoencoderTiny (see CONTRIBUTING.md).

    python tools/reference/tiny_autoencoder_goldens.py

The weights are random and narrow, so that they are small enough to keep: a folder in the layout of diffusers, and inputs and outputs beside it.
"""

import os

import torch
from diffusers import AutoencoderTiny
from safetensors.torch import save_file

GOLDEN = os.path.join(os.path.dirname(__file__), "..", "..", "tests", "golden", "tiny_autoencoder")


@torch.no_grad()
def main():
    torch.manual_seed(11)
    width = (8, 8, 8, 8)
    model = AutoencoderTiny(latent_channels=16, encoder_block_out_channels=width, decoder_block_out_channels=width)
    for name, parameter in model.named_parameters():
        # As large at the end as at the beginning, so that every layer shows in the result.
        if parameter.dim() == 4:
            parameter.normal_(0, (2.0 / parameter[0].numel()) ** 0.5)
        else:
            parameter.normal_(0, 0.1)
    latents = 2 * torch.randn(1, 16, 8, 12)
    picture = torch.rand(1, 3, 48, 64) * 2 - 1
    model.save_pretrained(GOLDEN)
    goldens = {
        "latents": latents,
        "decoded": model.decode(latents).sample,
        "picture": picture,
        "encoded": model.encode(picture).latents,
    }
    save_file({name: value.contiguous() for name, value in goldens.items()}, GOLDEN + ".safetensors")


if __name__ == "__main__":
    main()
