// What a hub calls a file's content by.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace sd35::hub {

// Hexadecimal digits of SHA-256 of the file, which large files are called by, or of git's name of its content
// (SHA-1 of "blob SIZE", NUL and the bytes). Stops with Cancelled where `patience` says false.
// Throws FileError when it cannot be read.
std::string sha256_of(const std::filesystem::path& file, const std::function<bool()>& patience);
std::string git_blob_of(const std::filesystem::path& file, const std::function<bool()>& patience);

}  // namespace sd35::hub
