// Whole safetensors files of small tensors, for goldens.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/tensor.h"

namespace sd35 {

std::map<std::string, Tensor> read_tensors(const std::filesystem::path& path);
void write_tensors(const std::map<std::string, Tensor>& tensors, const std::filesystem::path& path);

}  // namespace sd35
