"""One part of the reference of attest.py: a component of a model in diffusers, in a process of its own.

Reads named tensors, writes others, and prints figures as its last line, in JSON. Parts: the stages clip_l, clip_g and t5 of token ids;
join: what the transformer reads, of their outputs; transformer: the pictures' latents by diffusers' pipeline, with its inputs
and velocities at the first and last step of each; velocity: the transformer on such inputs; vae_decode.
"""

import argparse
import json
import statistics
import time

import torch
from diffusers import AutoencoderKL, StableDiffusion3Pipeline
from safetensors.torch import load_file, save_file

import stages


def join(inputs):
    """Prompt embeddings as the pipeline lays them out: CLIP's features side by side, filled up to T5's width, then T5."""
    outputs = {"noise": inputs["noise"]}
    for n in stages.cases(inputs, "t5"):
        hidden = {which: inputs[f"{which}/{n}/hidden"] for which in ("clip_l", "clip_g", "t5")}
        clip = torch.cat([hidden["clip_l"], hidden["clip_g"]], dim=-1)
        clip = torch.nn.functional.pad(clip, (0, hidden["t5"].shape[-1] - clip.shape[-1]))
        outputs[f"prompt/{n}/embedding"] = torch.cat([clip, hidden["t5"]], dim=-2)
        outputs[f"prompt/{n}/pooled"] = torch.cat([inputs[f"clip_l/{n}/pooled"], inputs[f"clip_g/{n}/pooled"]], dim=-1)
    return outputs


def draw(arguments, inputs, dtype):
    """The last of the prompts is the empty one, which guidance leads away from."""
    absent = ["text_encoder", "text_encoder_2", "text_encoder_3", "tokenizer", "tokenizer_2", "tokenizer_3", "vae"]
    pipe = StableDiffusion3Pipeline.from_pretrained(arguments.model, torch_dtype=dtype, **dict.fromkeys(absent))
    pipe.set_progress_bar_config(disable=True)
    scale = AutoencoderKL.load_config(arguments.model, subfolder="vae")
    calls, ends = [], []
    pipe.transformer.register_forward_hook(lambda _, args, kwargs, result: calls.append((kwargs, result[0])), with_kwargs=True)

    def step_done(pipe, step, timestep, kwargs):
        ends.append(time.perf_counter())
        return kwargs

    outputs, seconds = {}, []
    *prompts, empty = stages.cases(inputs, "prompt")
    prompt = lambda n, what: inputs[f"prompt/{n}/{what}"].to(dtype)
    for n in prompts:
        calls.clear()
        ends[:] = [time.perf_counter()]
        side = 8 * inputs["noise"].shape[-1]
        latents = pipe(
            prompt_embeds=prompt(n, "embedding"),
            negative_prompt_embeds=prompt(empty, "embedding"),
            pooled_prompt_embeds=prompt(n, "pooled"),
            negative_pooled_prompt_embeds=prompt(empty, "pooled"),
            latents=inputs["noise"].to(dtype),
            width=side,
            height=side,
            num_inference_steps=arguments.steps,
            guidance_scale=arguments.guidance,
            output_type="latent",
            callback_on_step_end=step_done,
        ).images
        seconds += [after - before for before, after in zip(ends, ends[1:])]
        outputs[f"vae_decode/{n}/latents"] = latents.float() / scale["scaling_factor"] + scale["shift_factor"]
        for which, (kwargs, velocity) in enumerate((calls[0], calls[-1])):
            at = f"transformer/{2 * n + which}/"
            outputs[at + "latents"] = kwargs["hidden_states"].float().contiguous()
            outputs[at + "timesteps"] = kwargs["timestep"].float().clone()
            outputs[at + "prompt_embedding"] = kwargs["encoder_hidden_states"].float().clone()
            outputs[at + "pooled_projection"] = kwargs["pooled_projections"].float().clone()
            outputs[at + "velocity"] = velocity.float().contiguous()
    return outputs, {"step_s": statistics.median(seconds)}


def decode(arguments, inputs, dtype):
    model = AutoencoderKL.from_pretrained(arguments.model, subfolder="vae", torch_dtype=dtype).eval()
    outputs, seconds = {}, []
    for n in stages.cases(inputs, "vae_decode"):
        began = time.perf_counter()
        outputs[f"vae_decode/{n}/picture"] = model.decode(inputs[f"vae_decode/{n}/latents"].to(dtype))[0].float()
        seconds.append(time.perf_counter() - began)
    return outputs, {"decode_s": statistics.median(seconds)}


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=["clip_l", "clip_g", "t5", "join", "transformer", "velocity", "vae_decode"])
    parser.add_argument("source", help="files of tensors, between commas")
    parser.add_argument("target")
    parser.add_argument("--model", required=True)
    parser.add_argument("--dtype", required=True, choices=["f32", "bf16"])
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--guidance", type=float, required=True)
    parser.add_argument("--threads", type=int, required=True)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[arguments.dtype]
    inputs = {}
    for source in arguments.source.split(","):
        inputs |= load_file(source)
    figures = {}
    if arguments.part == "join":
        outputs = join(inputs)
    elif arguments.part == "transformer":
        outputs, figures = draw(arguments, inputs, dtype)
    elif arguments.part == "velocity":
        outputs = stages.transformer(arguments.model, inputs, dtype)
    elif arguments.part == "vae_decode":
        outputs, figures = decode(arguments, inputs, dtype)
    else:
        outputs = stages.STAGES[arguments.part](arguments.model, inputs, dtype)
    save_file(outputs, arguments.target)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
