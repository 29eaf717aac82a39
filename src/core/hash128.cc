#include "core/hash128.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace sd35 {
namespace {

static_assert(std::endian::native == std::endian::little);

// Odd, with about half of their bits set: the fractions of the square roots of 2, 3, 5 ... 19, and of 23
// and 29.
constexpr std::array<std::uint64_t, 8> kOdd = {0x6a09e667f3bcc909, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
                                               0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                                               0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
constexpr std::uint64_t kHigh = 0xcbbb9d5dc1059ed9, kLow = 0x629a292a367cd507;

// Every bit of the result depends on every bit of the value; can be undone.
std::uint64_t mixed(std::uint64_t value, std::uint64_t odd) {
  value ^= value >> 32;
  value *= odd;
  value ^= value >> 29;
  value *= odd;
  return value ^ value >> 32;
}

}  // namespace

std::string Hash128::hex() const {
  std::string digits;
  for (const std::uint64_t word : {high, low})
    for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[word >> shift & 15];
  return digits;
}

Hasher128::Hasher128() : lanes_(kOdd) {}

void Hasher128::take(const std::byte* stripes, std::size_t count) {
  std::array<std::uint64_t, 8> lanes = lanes_;
  for (std::size_t stripe = 0; stripe < count; ++stripe, stripes += kStripe) {
    std::array<std::uint64_t, 8> words;
    std::memcpy(words.data(), stripes, kStripe);
    for (std::size_t i = 0; i < 8; ++i) lanes[i] = std::rotl(lanes[i] ^ words[i], 29) * kOdd[i];
  }
  lanes_ = lanes;
}

void Hasher128::add(std::span<const std::byte> bytes) {
  length_ += bytes.size();
  if (rest_bytes_ > 0) {
    const std::size_t count = std::min(bytes.size(), kStripe - rest_bytes_);
    std::copy_n(bytes.begin(), count, rest_.begin() + static_cast<std::ptrdiff_t>(rest_bytes_));
    rest_bytes_ += count;
    bytes = bytes.subspan(count);
    if (rest_bytes_ < kStripe) return;
    take(rest_.data(), 1);
    rest_bytes_ = 0;
  }
  take(bytes.data(), bytes.size() / kStripe);
  bytes = bytes.last(bytes.size() % kStripe);
  std::ranges::copy(bytes, rest_.begin());
  rest_bytes_ = bytes.size();
}

Hash128 Hasher128::digest() const {
  Hasher128 end = *this;
  if (rest_bytes_ > 0) {  // the length distinguishes this padding from added zeros
    std::fill(end.rest_.begin() + static_cast<std::ptrdiff_t>(rest_bytes_), end.rest_.end(), std::byte{0});
    end.take(end.rest_.data(), 1);
  }
  Hash128 hash{length_ ^ kHigh, length_ ^ kLow};
  for (std::size_t i = 0; i < 8; ++i) {
    hash.high = mixed(hash.high ^ end.lanes_[i], kOdd[i]);
    hash.low = mixed(hash.low + std::rotl(end.lanes_[i], 32), kOdd[7 - i]);
  }
  return hash;
}

Hash128 hash128(std::span<const std::byte> bytes) {
  Hasher128 hasher;
  hasher.add(bytes);
  return hasher.digest();
}

Hash128 hash128(std::string_view text) { return hash128(std::as_bytes(std::span(text.data(), text.size()))); }

}  // namespace sd35
