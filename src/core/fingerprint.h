// The identity of files by what they hold.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace sd35 {

enum class Reading : std::uint8_t {
  // At the speed of the disk on all threads; one changed weight shows.
  every_byte,
  // The first MiB and 16 blocks of 64 KiB, evenly spread to the end: at once, however large a file is. Files
  // of weights that were trained differ everywhere; a change of a few bytes between the blocks is not
  // noticed.
  samples
};

// 32 hexadecimal digits from the sizes and the bytes of `files`, in the order given; names and times play no
// part, so a model keeps its fingerprint wherever it lies. Recipes and runs keep these values. Throws
// FileError when a file cannot be read.
std::string fingerprint(const std::vector<std::filesystem::path>& files, Reading reading);

}  // namespace sd35
