// Files of low-rank updates (LoRA, Hu et al. 2021, arXiv 2106.09685): W + scale B A of some linear layers.
//
// Read in every layout that trainers of Stable Diffusion 3 write, as hostile input; written as PEFT and
// diffusers do. References: diffusers loaders/lora_base.py and loaders/peft.py, peft tuners/lora and
// get_pattern_key; kohya sd-scripts networks/lora_sd3.py.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "weights/layouts/component.h"

namespace sd35 {

// weight[first_row .. first_row + rows, :] += scale * up * down
struct LoraUpdate {
  std::string weight;  // below the component, diffusers layout: "transformer_blocks.0.attn.to_q.weight"
  Tensor down;         // A [r, in], any float type
  Tensor up;           // B [rows, r], any float type
  std::int64_t first_row = 0;
  float scale = 1.0f;  // alpha / r
};

using LoraUpdates = std::map<Component, std::vector<LoraUpdate>>;

// The tensors of each component that updates may change, by their names in the diffusers layout.
using LoraTargets = std::map<Component, std::map<std::string, Shape>>;

// Reads `path`, a file or a folder (lora_files.h). Keys are layers of the diffusers or of the original layout, with dots or underscores, after
// the name of a text encoder ("text_encoder.", "text_encoder_2.", "text_encoder_3."; kohya: "lora_te1_", ...)
// or none of the transformer, and whatever trainers and programs put before that ("transformer.",
// "base_model.model.", "diffusion_model.", "lora_unet_", "lycoris_", ...; see lora_keys.h). They end in
// ".lora_A.weight" and ".lora_B.weight" (also with an adapter's name: ".lora_A.default.weight"),
// ".lora_down.weight", ".lora.down.weight" or ".lora_linear_layer.down.weight"; alpha is the rank unless a
// tensor ".alpha", the metadata "lora_adapter_metadata" (lora_alpha, rank_pattern, alpha_pattern, use_rslora)
// or PEFT's adapter_config.json beside adapter_model.safetensors says otherwise. Where the layouts differ,
// rows of `up` go where the diffusers layout has them: fused projections are split, swapped halves swapped.
// Fused projections that were trained as three have a block-diagonal `up` of three times their rank; each
// gets its block and its own alpha / r.
//
// Throws FileError, naming the file and the key, when it is damaged, when an update does not fit its weight
// or holds NaN or infinity, for anything but plain LoRA of linear layers (LoKr, LoHa, DoRA, convolutions,
// biases), and when no key matches. If only some keys match, the others are reported in one line to
// `on_warning`, which may be empty; so is a file that says that it is for Stable Diffusion 3 Medium, whose
// layers are among ours.
LoraUpdates read_lora(const std::filesystem::path& path, const LoraTargets& targets,
                      const std::function<void(const std::string&)>& on_warning);

// What LoRA was trained with; becomes the metadata "lora_adapter_metadata".
struct LoraSettings {
  std::int64_t rank = 4;
  double alpha = 4;
  std::vector<std::string> targets;  // ends of layer names: "attn.to_q"
};

// Writes the updates of one component so that diffusers' load_lora_weights takes them; atomically, and the
// same bytes for the same input. `tensors`: "<layer>.lora_A.weight" [r, in] and "<layer>.lora_B.weight" [out,
// r] below the component. Throws ArgumentError when one of a pair is missing, a name or shape is wrong, or
// there are no tensors; FileError when the file cannot be written.
void write_lora(const std::filesystem::path& path, Component component,
                const std::map<std::string, Tensor>& tensors, const LoraSettings& settings);

}  // namespace sd35
