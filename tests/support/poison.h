// Weights that turn to NaN, for tests.
#pragma once

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <string>

#include "weights/files/safetensors.h"

namespace sd35 {

// Overwrites the first value of a bf16 tensor with NaN, in the file.
inline void poison(const std::filesystem::path& file, const std::string& tensor) {
  std::ptrdiff_t offset = 0;
  {
    const SafetensorsFile weights = read_safetensors(file);
    const StoredTensor& stored = weights.tensors.at(tensor);
    offset = stored.segments.at(0).data() - stored.file->bytes().data();
  }
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekp(offset);
  stream.write("\xff\xff", 2);
}

}  // namespace sd35
