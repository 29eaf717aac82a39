// A fast 128-bit hash that notices changes and damage. Not for secrets: it can be inverted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sd35 {

struct Hash128 {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool operator==(const Hash128&) const = default;
  // 32 hexadecimal digits.
  std::string hex() const;
};

// Eight lanes of 64 bits take every eighth word: lane = rotate(lane ^ word) * odd number. Every step can be
// undone, so two texts of equal length that differ inside one lane only always end in different lanes. The
// lanes and the length are then mixed into 128 bits. The value is the same on every machine with
// little-endian words.
class Hasher128 {
 public:
  Hasher128();
  void add(std::span<const std::byte> bytes);
  void add(std::string_view text) { add(std::as_bytes(std::span(text.data(), text.size()))); }
  // Eight bytes, little-endian.
  void add_number(std::uint64_t number) { add(std::as_bytes(std::span(&number, 1))); }
  // Of all bytes so far; more may follow.
  Hash128 digest() const;

 private:
  static constexpr std::size_t kStripe = 64;
  void take(const std::byte* stripes, std::size_t count);

  std::array<std::uint64_t, 8> lanes_;
  std::array<std::byte, kStripe> rest_{};  // of a stripe that is not complete
  std::size_t rest_bytes_ = 0;
  std::uint64_t length_ = 0;
};

Hash128 hash128(std::span<const std::byte> bytes);
Hash128 hash128(std::string_view text);

}  // namespace sd35
