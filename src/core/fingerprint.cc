#include "core/fingerprint.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/file_reader.h"
#include "core/hash128.h"
#include "core/threads.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kChunk = 16 << 20;  // of one hash; chunks are independent for the threads' sake
constexpr std::uint64_t kRead = 256 << 10;  // stays in a core's cache between reading and hashing

Hash128 hash_of_chunk(const FileReader& file, std::uint64_t begin, std::uint64_t end,
                      std::vector<std::byte>& buffer) {
  Hasher128 hasher;
  for (std::uint64_t offset = begin; offset < end; offset += kRead) {
    const std::span<std::byte> part = std::span(buffer).first(std::min(kRead, end - offset));
    file.read(offset, part);
    hasher.add(part);
  }
  return hasher.digest();
}

std::string fingerprint_of_every_byte(const std::vector<std::filesystem::path>& files) {
  Hasher128 whole;
  for (const std::filesystem::path& path : files) {
    const FileReader file(path.string());
    std::vector<Hash128> chunks((file.size() + kChunk - 1) / kChunk);
    parallel_for(static_cast<std::int64_t>(chunks.size()), 1, [&](std::int64_t first, std::int64_t last) {
      std::vector<std::byte> buffer(kRead);
      for (std::int64_t i = first; i < last; ++i) {
        const std::uint64_t begin = static_cast<std::uint64_t>(i) * kChunk;
        chunks[static_cast<std::size_t>(i)] =
            hash_of_chunk(file, begin, std::min(begin + kChunk, file.size()), buffer);
      }
    });
    whole.add_number(file.size());
    for (const Hash128& chunk : chunks) {
      whole.add_number(chunk.high);
      whole.add_number(chunk.low);
    }
  }
  return whole.digest().hex();
}

std::string fingerprint_of_samples(const std::vector<std::filesystem::path>& files) {
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

}  // namespace

std::string fingerprint(const std::vector<std::filesystem::path>& files, Reading reading) {
  return reading == Reading::samples ? fingerprint_of_samples(files) : fingerprint_of_every_byte(files);
}

}  // namespace sd35
