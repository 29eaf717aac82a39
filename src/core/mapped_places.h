// Which file lies where in memory: what mapped_file_at() knows.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "sd35/mapped_file.h"

namespace sd35 {

// When `path` was mapped to `bytes`, and before it no longer is.
void add_mapped_place(std::span<const std::byte> bytes, const std::string& path);
void remove_mapped_place(std::span<const std::byte> bytes);

}  // namespace sd35
