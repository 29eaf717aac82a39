// The identity of files by what they hold.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sd35 {

// 32 hexadecimal digits from the sizes and every byte of `files`, in the order given; names and times play no
// part, so a model keeps its fingerprint wherever it lies, and one changed weight changes it. Reads at the
// speed of the disk on all threads. Throws FileError when a file cannot be read.
std::string fingerprint(const std::vector<std::filesystem::path>& files);

}  // namespace sd35
