// Where the weights of a LoRA lie that may be a folder.
#pragma once

#include <filesystem>
#include <vector>

namespace sd35 {

// The file that belongs beside PEFT's own file of an adapter, adapter_model.safetensors, whether it exists or
// not; empty for any other file.
std::filesystem::path adapter_config_of(const std::filesystem::path& file);

// The file of weights of `lora`: itself, or in a folder PEFT's adapter_model.safetensors or diffusers'
// pytorch_lora_weights.safetensors. A name of the Hugging Face cache is a folder too. Throws FileError for a
// folder that holds neither; whether another path exists is not checked.
std::filesystem::path lora_weights_file(const std::filesystem::path& lora);

// That file and, if it exists, the one of adapter_config_of(): everything that its updates come from.
std::vector<std::filesystem::path> lora_files(const std::filesystem::path& lora);

}  // namespace sd35
