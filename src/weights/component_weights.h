// The tensors of one component as a model binds them, from whatever form its file has.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "weights/component.h"
#include "weights/source.h"

namespace sd35 {

// Maps a safetensors file, the shards of an index (a path that ends in ".json") or a GGUF file, applies fp8
// scales, folds 4-bit weights and restores the names that GGUF files change. Throws FileError.
StoredTensors read_weight_file(const std::filesystem::path& path);

// Which components a file in the original layout holds. Throws FileError for a tensor that belongs to none:
// half of the file would go unused.
std::vector<Component> components_of(const StoredTensors& tensors, const std::string& location);

// The component's part of a file in the original layout, under the names of the diffusers layout; or, where
// `original` is false, the whole file, which has those names already, or the original ones without
// original_prefix. Text encoders lose what no model binds:
// position ids, logit scales and the copy of T5's table. Throws FileError.
std::shared_ptr<const WeightSource> component_weights(Component component, StoredTensors tensors,
                                                      bool original, const std::string& location);

}  // namespace sd35
