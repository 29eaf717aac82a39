"""Converts a model with sd35 and compares, live, what others make of the result with what sd35 makes of it.

    python tools/reference/convert_check.py MODEL_FOLDER --sd35 build/bin/sd35 --stages build/bin/sd35-stages

MODEL_FOLDER holds bf16 weights (`sd35 make-random-model --like FOLDER --size medium`, with fewer layers to be quick).

- NF4, with and without double quantization: diffusers and transformers load the folder with bitsandbytes on the CPU; packed
  bytes, scales and outputs are compared.
- fp8: diffusers loads the folder in f32 and in bf16, and every weight has exactly the value of the original rounded by torch.
- GGUF: the package gguf quantizes the same tensors, which must give the same bytes; diffusers loads the file; and sd35 loads a
  file that the package wrote.

Needs bitsandbytes for NF4 and gguf for GGUF besides diffusers. Errors are norms of differences over norms of the reference.
"""

import argparse
import json
import os
import subprocess
import tempfile

import numpy as np
import torch
from diffusers import GGUFQuantizationConfig, SD3Transformer2DModel
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModelWithProjection, T5EncoderModel

import inputs as make_inputs
import stages


def relative_error(value, reference):
    return ((value.double() - reference.double()).norm() / reference.double().norm()).item()


class Check:
    def __init__(self, arguments, work):
        self.arguments, self.work = arguments, work
        self.inputs = make_inputs.make(arguments.model, [(32, 32)], 64, 32, batch_2=False)

    def convert(self, name, *options):
        output = os.path.join(self.work, name)
        subprocess.run([self.arguments.sd35, "convert", self.arguments.model, output, "--quiet", *options], check=True)
        return output

    def sd35(self, model, names, dtype):
        source, target = os.path.join(self.work, "inputs"), os.path.join(self.work, "outputs")
        save_file({k: v for k, v in self.inputs.items() if k.split("/")[0] in names}, source)
        subprocess.run([self.arguments.stages, "--model", model, "--inputs", source, "--dtype", dtype, "-o", target], check=True)
        return load_file(target)

    def reference(self, name, model):
        """Outputs of one loaded model."""
        outputs = {}
        for n in stages.cases(self.inputs, name):
            of = lambda key: self.inputs[f"{name}/{n}/{key}"]
            if name == "transformer":
                dtype = next(p.dtype for p in model.parameters() if p.is_floating_point())
                result = model(
                    hidden_states=of("latents").to(dtype),
                    timestep=of("timesteps").to(dtype),
                    encoder_hidden_states=of("prompt_embedding").to(dtype),
                    pooled_projections=of("pooled_projection").to(dtype),
                )
                outputs[f"{name}/{n}/velocity"] = result.sample.float()
            elif name == "t5":
                outputs[f"{name}/{n}/hidden"] = model(of("ids").long())[0].float()
            else:
                result = model(of("ids").long(), output_hidden_states=True)
                outputs[f"{name}/{n}/hidden"] = result.hidden_states[-2].float()
        return outputs

    def nf4(self, double_quant):
        kind = "nf4-dq" if double_quant else "nf4"
        folder = self.convert(kind, "--type", kind)
        self.nf4_bytes(folder, double_quant)
        models = {
            "transformer": (SD3Transformer2DModel, "transformer"),
            "t5": (T5EncoderModel, "text_encoder_3"),
            "clip_l": (CLIPTextModelWithProjection, "text_encoder"),
            "clip_g": (CLIPTextModelWithProjection, "text_encoder_2"),
        }
        exact = self.sd35(self.arguments.model, list(models), "f32")
        ours = {dtype: self.sd35(folder, list(models), dtype) for dtype in ("f32", "bf16")}
        for name, (kind_of_model, subfolder) in models.items():
            model = kind_of_model.from_pretrained(folder, subfolder=subfolder, torch_dtype=torch.bfloat16).eval()
            layers = sum(type(module).__name__ == "Linear4bit" for module in model.modules())
            for key, value in self.reference(name, model).items():
                print(
                    f"{kind:7} {key:24} {layers:4} layers in 4 bits; against {kind} of the reference: "
                    f"ours f32 {relative_error(ours['f32'][key], value):.2e}, bf16 {relative_error(ours['bf16'][key], value):.2e}; "
                    f"against bf16 weights: reference {relative_error(value, exact[key]):.2e}, "
                    f"ours f32 {relative_error(ours['f32'][key], exact[key]):.2e}",
                    flush=True,
                )
            del model

    def fp8(self):
        folder = self.convert("fp8", "--type", "fp8")
        path = "transformer/diffusion_pytorch_model.safetensors"
        stored, original = load_file(os.path.join(folder, path)), load_file(os.path.join(self.arguments.model, path))
        for dtype in (torch.float32, torch.bfloat16):
            model = SD3Transformer2DModel.from_pretrained(folder, subfolder="transformer", torch_dtype=dtype)
            equal = narrow = 0
            for name, value in model.state_dict().items():
                wanted = original[name].float()
                if stored[name].dtype == torch.float8_e4m3fn:
                    wanted = wanted.clamp(-448, 448)
                    narrow += 1
                equal += value.dtype == dtype and torch.equal(value.float(), wanted.to(stored[name].dtype).float())
            total = len(model.state_dict())
            print(f"fp8: {equal} of {total} tensors, {narrow} of them fp8, load in diffusers as {dtype} with torch's values", flush=True)

    def nf4_bytes(self, folder, double_quant):
        import bitsandbytes.functional as bnb

        path = "transformer/diffusion_pytorch_model.safetensors"
        packed, original = load_file(os.path.join(folder, path)), load_file(os.path.join(self.arguments.model, path))
        names = [name for name in original if name + ".absmax" in packed]
        same = {"packed": 0, "absmax": 0, "offset": 0}
        for name in names:
            data, state = bnb.quantize_4bit(original[name], quant_type="nf4", compress_statistics=double_quant)
            same["packed"] += torch.equal(data, packed[name])
            same["absmax"] += torch.equal(state.absmax, packed[name + ".absmax"])
            text = json.loads(bytes(packed[name + ".quant_state.bitsandbytes__nf4"].tolist()))
            if double_quant:
                same["offset"] += abs(text["nested_offset"] - state.offset.item()) <= 1e-6 * state.offset.item()
        print(f"nf4: of {len(names)} weights the same as bitsandbytes': {same}", flush=True)

    def gguf(self, kind):
        from gguf import GGUFReader, GGUFWriter
        from gguf.quants import quantize

        path = self.convert(kind + ".gguf", "--type", kind, "--component", "transformer")
        single = load_file(self.convert(kind + ".safetensors", "--type", "bf16", "--component", "transformer"))
        tensors = {t.name: t for t in GGUFReader(path).tensors}
        written, blocks, equal = os.path.join(self.work, kind + "-written.gguf"), 0, 0
        writer = GGUFWriter(written, arch="sd3")
        for name, tensor in tensors.items():
            values = single["model.diffusion_model." + name].float().numpy()
            if tensor.tensor_type.name.lower() == kind:
                data = quantize(values, tensor.tensor_type)
                blocks += 1
                equal += np.array_equal(data.reshape(-1), tensor.data.reshape(-1))
                writer.add_tensor(name, data, raw_dtype=tensor.tensor_type)
            else:
                writer.add_tensor(name, values)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()
        print(f"{kind}: {equal} of {blocks} weights have the bytes of the package gguf", flush=True)

        theirs = self.model_with_gguf(written)
        reference = self.reference("transformer", theirs)
        for label, file in (("our file", path), ("the package's file", written)):
            ours = self.sd35(file, ["transformer"], "f32")
            for key, value in reference.items():
                print(f"{kind:7} {key:24} {label}: {relative_error(ours[key], value):.2e} against the package's values in f32")
        loaded = SD3Transformer2DModel.from_single_file(
            path,
            config=os.path.join(self.arguments.model, "transformer"),
            quantization_config=GGUFQuantizationConfig(compute_dtype=torch.float32),
            torch_dtype=torch.float32,
        )
        for key, value in self.reference("transformer", loaded).items():
            print(f"{kind:7} {key:24} our file in diffusers: {relative_error(value, reference[key]):.2e}", flush=True)

    def model_with_gguf(self, path):
        """diffusers' model in f32 with the values that the package gives the file's tensors."""
        from gguf import GGMLQuantizationType, GGUFReader
        from gguf.quants import dequantize

        file = os.path.join(self.work, "dequantized.safetensors")
        values = {}
        for tensor in GGUFReader(path).tensors:
            shape = [int(dim) for dim in reversed(tensor.shape)]
            data = tensor.data if tensor.tensor_type == GGMLQuantizationType.F32 else dequantize(tensor.data, tensor.tensor_type)
            values["model.diffusion_model." + tensor.name] = torch.from_numpy(np.array(data, np.float32)).reshape(shape)
        save_file(values, file)
        config = os.path.join(self.arguments.model, "transformer")
        return SD3Transformer2DModel.from_single_file(file, config=config, torch_dtype=torch.float32).eval()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--sd35", required=True, help="the program sd35")
    parser.add_argument("--stages", required=True, help="the program sd35-stages")
    parser.add_argument("--only", nargs="+", default=["fp8", "nf4", "nf4-dq", "q8_0", "q4_0", "q4_1", "q5_0", "q5_1"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as work, torch.no_grad():
        check = Check(arguments, work)
        for name in arguments.only:
            if name == "fp8":
                check.fp8()
            elif name.startswith("nf4"):
                check.nf4(name == "nf4-dq")
            else:
                check.gguf(name)


if __name__ == "__main__":
    main()
