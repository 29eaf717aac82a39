#include "data/tar_header.h"

#include <algorithm>
#include <cstdio>

namespace sd35 {
namespace {

// A field of the header; texts end at the first NUL or with the field.
struct Field {
  std::size_t offset;
  std::size_t length;
};

constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kOwner{108, 8};
constexpr Field kGroup{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kTime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kMagic{257, 8};  // with the version
constexpr Field kPrefix{345, 155};
constexpr std::string_view kUstar(
    "ustar\0"
    "00",
    8);

std::string_view field(const TarBlock& block, Field at) { return {block.data() + at.offset, at.length}; }

std::string text(const TarBlock& block, Field at) {
  const std::string_view whole = field(block, at);
  return std::string(whole.substr(0, whole.find('\0')));
}

// Octal digits between spaces and NULs, or (GNU) a first byte of 0x80 and a big-endian number.
std::optional<std::uint64_t> number(std::string_view digits) {
  if (static_cast<unsigned char>(digits[0]) == 0x80) {
    std::uint64_t value = 0;
    for (const char c : digits.substr(1)) {
      if (value >> 55 != 0) return std::nullopt;  // keeps below 2^63, an offset's range
      value = value << 8 | static_cast<unsigned char>(c);
    }
    return value;
  }
  while (digits.starts_with(' ')) digits.remove_prefix(1);
  const std::size_t end = std::min(digits.find_first_not_of("01234567"), digits.size());
  if (digits.find_first_not_of(std::string_view(" \0", 2), end) != digits.npos) return std::nullopt;
  std::uint64_t value = 0;  // at most 12 digits: 36 bits
  for (const char c : digits.substr(0, end)) value = value << 3 | static_cast<std::uint64_t>(c - '0');
  return value;
}

struct Sums {
  std::int64_t of_unsigned = 0;
  std::int64_t of_signed = 0;  // what some old programs wrote
};

// Of all bytes, those of the checksum's own field as spaces.
Sums checksums(const TarBlock& block) {
  Sums sums;
  for (std::size_t i = 0; i < kTarBlock; ++i) {
    const bool own = i >= kChecksum.offset && i < kChecksum.offset + kChecksum.length;
    const char c = own ? ' ' : block[i];
    sums.of_unsigned += static_cast<unsigned char>(c);
    sums.of_signed += static_cast<signed char>(c);
  }
  return sums;
}

void put(TarBlock& block, Field at, std::string_view value) {
  std::ranges::copy(value, block.begin() + static_cast<std::ptrdiff_t>(at.offset));
}

// All digits of the field, but for the NUL at its end.
void put_octal(TarBlock& block, Field at, std::uint64_t value) {
  for (std::size_t i = at.length - 1; i-- > 0; value >>= 3)
    block[at.offset + i] = static_cast<char>('0' + (value & 7));
}

}  // namespace

bool is_zero(const TarBlock& block) {
  return std::ranges::all_of(block, [](char c) { return c == 0; });
}

std::optional<TarHeader> parse_tar_header(const TarBlock& block) {
  const std::optional<std::uint64_t> stored = number(field(block, kChecksum));
  const Sums sums = checksums(block);
  if (!stored || (static_cast<std::int64_t>(*stored) != sums.of_unsigned &&
                  static_cast<std::int64_t>(*stored) != sums.of_signed))
    return std::nullopt;
  const std::optional<std::uint64_t> size = number(field(block, kSize));
  if (!size) return std::nullopt;
  TarHeader header{text(block, kName), *size, block[kType]};
  // GNU's own magic is "ustar  "; it keeps other things where POSIX has the prefix.
  if (field(block, kMagic).starts_with(std::string_view("ustar\0", 6))) {
    const std::string prefix = text(block, kPrefix);
    if (!prefix.empty()) header.name = prefix + "/" + header.name;
  }
  return header;
}

TarBlock make_tar_header(std::string_view name, std::uint64_t size, char type) {
  TarBlock block{};
  put(block, kName, name);
  put_octal(block, kMode, 0644);
  put_octal(block, kOwner, 0);
  put_octal(block, kGroup, 0);
  put_octal(block, kSize, size);
  put_octal(block, kTime, 0);
  block[kType] = type;
  put(block, kMagic, kUstar);
  // Six digits, a NUL and a space, as every tar writes it.
  const Field digits{kChecksum.offset, 7};
  const auto sum = static_cast<std::uint64_t>(checksums(block).of_unsigned);
  put_octal(block, digits, sum);
  block[kChecksum.offset + 7] = ' ';
  return block;
}

}  // namespace sd35
