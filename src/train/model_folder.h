// The folder of a model that training made: the trained component, and the others as they are in the model it
// began with.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/tensor.h"
#include "weights/model_files.h"

namespace sd35::train {

// Writes `weights` and `config` as the component of `folder` in the diffusers layout, and what the folder
// lacks from `base` (hard links where the file system allows, else copies). Each file appears whole. Throws
// FileError.
void write_component(const std::filesystem::path& folder, const std::filesystem::path& base,
                     Component component, const nlohmann::json& config,
                     const std::map<std::string, Tensor>& weights);

}  // namespace sd35::train
