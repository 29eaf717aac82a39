// One 512-byte header of a tar archive.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sd35 {

inline constexpr std::size_t kTarBlock = 512;
using TarBlock = std::array<char, kTarBlock>;

struct TarHeader {
  std::string name;  // with the prefix of ustar
  std::uint64_t size = 0;
  char type = '0';
};

bool is_zero(const TarBlock& block);

// Nothing when the checksum or the size is wrong.
std::optional<TarHeader> parse_tar_header(const TarBlock& block);

// A ustar header: mode 0644 and nothing of the system's. `name` of up to 100 bytes, `size` below 8 GiB.
TarBlock make_tar_header(std::string_view name, std::uint64_t size, char type);

// What follows a member's bytes up to the next block.
inline std::uint64_t tar_padding(std::uint64_t size) { return (kTarBlock - size % kTarBlock) % kTarBlock; }

}  // namespace sd35
