// The files of weights in a folder of the diffusers layout.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "weights/layouts/component.h"

namespace sd35 {

// "diffusion_pytorch_model.safetensors" or "model.safetensors".
std::string weight_name(Component component);

// Whether a file of this name is one of several: "model-00001-of-00002.safetensors".
bool is_shard(std::string_view name);

// The weights in a component's folder: the file or the index that weight_name() calls for, else a variant of
// it
// ("model.fp16.safetensors", "diffusion_pytorch_model.ema.safetensors"), else the only safetensors or GGUF
// file there is. Empty when there is none.
std::filesystem::path find_weights(Component component, const std::filesystem::path& folder);

// What lies in a folder without weights, for messages: " (there is 'diffusion_pytorch_model.bin', a PyTorch
// file ...)"; empty if nothing does.
std::string in_place_of_weights(const std::filesystem::path& folder);

// For a folder that is not a model in the diffusers layout: what it is instead and which option takes that;
// empty if unknown.
std::string other_folder(const std::filesystem::path& folder);

}  // namespace sd35
