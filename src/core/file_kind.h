// What a file is by its first bytes, for messages about one that is not what was expected.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace sd35 {

// Bytes that file_kind() looks at.
inline constexpr std::size_t kFileStart = 512;

// For a person, with advice if there is any: "a Git LFS pointer in place of the file itself (run:
// git lfs pull)", "a PyTorch file (a zip archive of pickles); convert it to safetensors", "a PNG picture",
// "text that begins 'version'". Empty where the bytes say nothing, and for safetensors, which have their own
// messages. `start`: the first bytes of the file, or all of it.
std::string file_kind(std::span<const std::byte> start);

// The same of a file; empty also where it cannot be read.
std::string file_kind(const std::filesystem::path& path);

}  // namespace sd35
