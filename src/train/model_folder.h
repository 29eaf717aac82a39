// The folder of a model that training made: the trained component, and the others as they are in the model it
// began with.
#pragma once

#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/tensor.h"
#include "weights/model/model_files.h"

namespace sd35::train {

// Writes `weights` as those of the component of `folder` in the diffusers layout; returns their file. Until
// write_rest() the folder has no configuration of the component, so that it does not look like a model.
// Throws FileError.
std::filesystem::path write_weights(const std::filesystem::path& folder, Component component,
                                    const std::map<std::string, Tensor>& weights);

// Writes what the model says of itself (sd35.json), if the model it began with says something else.
// Throws FileError.
void write_extras(const std::filesystem::path& folder, const nlohmann::json& extras);

// Adds what `folder` then lacks: the other files of `base` (hard links to weights where the file system
// allows, else copies) and, last, the component's configuration. Each file appears whole. Throws FileError.
void write_rest(const std::filesystem::path& folder, const std::filesystem::path& base, Component component,
                const nlohmann::json& config);

}  // namespace sd35::train
