// The tensors of one component as a model binds them, from whatever form its file has.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/file_reader.h"
#include "weights/layouts/component.h"
#include "weights/source.h"

namespace sd35 {

struct WeightFile {
  StoredTensors tensors;
  std::map<std::string, std::string> metadata;
  std::vector<std::string> warnings;  // about an index of shards that is wrong but harmless
};

// Maps a safetensors file, the shards of an index (a path that ends in ".json") or a GGUF file, applies fp8
// scales, folds 4-bit weights, restores the names that GGUF files change and makes them plain
// (weights/layouts/plain_names.h). Throws FileError, which says what the file is if it is none of these.
WeightFile read_weight_file(const std::filesystem::path& path);

// Like read_weight_file(), but shared within the process while it is in use, unless the file changed
// meanwhile. Shards are not shared: an index may name others than it did. From any thread.
std::shared_ptr<const WeightFile> open_weight_file(const std::filesystem::path& path);

// The component's part of a file's tensors, which may lie below any prefix
// (weights/layouts/find_component.h), under the names of the diffusers layout. What belongs to no component
// is left out with a warning; what no text encoder binds (position ids and the copy of T5's table) is dropped
// without one. Throws FileError.
std::shared_ptr<const WeightSource> component_weights(Component component,
                                                      const std::shared_ptr<const WeightFile>& file,
                                                      const std::string& location,
                                                      const WarningFunction& warn = {});

}  // namespace sd35
