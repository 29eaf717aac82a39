// The JSON header of a safetensors file, read event by event: nothing is built beyond what the format
// defines.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/tensor.h"

namespace sd35 {

struct SafetensorsHeader {
  struct Entry {
    DType dtype = DType::f32;
    Shape shape;
    std::uint64_t begin = 0, end = 0;  // bytes after the header; end - begin is the size of the shape
  };
  std::map<std::string, Entry> tensors;
  std::map<std::string, std::string> metadata;
};

// Throws FileError naming `path` and the tensor. Offsets are not compared with the file.
SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& path);

// "F32", "BF16", ... as headers spell types.
std::string_view safetensors_name(DType dtype);

}  // namespace sd35
