// The identity of files by samples of what they hold, at once however large they are.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sd35 {

// 32 hexadecimal digits from the size, the first MiB and 16 blocks of 64 KiB, evenly spread to the end, of
// each of `files`, in the order given; names and times play no part. Files of weights that were trained
// differ everywhere; a change of a few bytes between the blocks is not noticed (fingerprint() reads them
// all). Throws FileError when a file cannot be read.
std::string content_hash(const std::vector<std::filesystem::path>& files);

}  // namespace sd35
