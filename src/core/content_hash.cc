#include "core/content_hash.h"

#include <algorithm>
#include <cstdint>

#include "core/file_reader.h"
#include "core/hash128.h"

namespace sd35 {

std::string content_hash(const std::vector<std::filesystem::path>& files) {
  constexpr std::uint64_t kBeginning = 1 << 20, kBlock = 64 << 10, kBlocks = 16;
  Hasher128 hasher;
  for (const std::filesystem::path& path : files) {
    const FileReader file(path.string());
    hasher.add_number(file.size());
    if (file.size() <= kBeginning + kBlocks * kBlock) {
      hasher.add(file.read(0, file.size()));
      continue;
    }
    hasher.add(file.read(0, kBeginning));
    const std::uint64_t last = file.size() - kBlock;
    for (std::uint64_t i = 0; i < kBlocks; ++i)
      hasher.add(file.read(kBeginning + (last - kBeginning) * i / (kBlocks - 1), kBlock));
  }
  return hasher.digest().hex();
}

}  // namespace sd35
