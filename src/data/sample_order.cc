#include "data/sample_order.h"

#include <bit>
#include <string>

#include "core/error.h"
#include "core/philox.h"

namespace sd35 {
namespace {

constexpr int kRounds = 8;  // four hide the structure of a large domain, tiny ones need more
constexpr std::int64_t kMaxSize = std::int64_t{1} << 32;

}  // namespace

SampleOrder::SampleOrder(std::int64_t size, std::uint64_t seed, std::uint32_t stream)
    : size_(size), seed_(seed), stream_(stream) {
  if (size < 1 || size > kMaxSize)
    throw ArgumentError("an order of " + std::to_string(size) + " samples; it takes 1 to 2^32");
  const int bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(size - 1)));
  left_bits_ = bits / 2;
  right_bits_ = bits - left_bits_;
}

SampleOrder::Place SampleOrder::at(std::int64_t position) const {
  return {position / size_, index(position / size_, position % size_)};
}

std::int64_t SampleOrder::index(std::int64_t epoch, std::int64_t offset) const {
  const PhiloxKey key{static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)};
  const auto mask = [](int bits) { return (std::uint32_t{1} << bits) - 1; };  // at most 16 bits
  auto value = static_cast<std::uint64_t>(offset);
  do {
    auto left = static_cast<std::uint32_t>(value >> right_bits_);
    auto right = static_cast<std::uint32_t>(value) & mask(right_bits_);
    for (std::uint32_t round = 0; round < kRounds; ++round) {
      std::uint32_t& changed = round % 2 == 0 ? left : right;
      const std::uint32_t other = round % 2 == 0 ? right : left;
      const PhiloxCounter counter{other, stream_ << 8 | round, static_cast<std::uint32_t>(epoch),
                                  static_cast<std::uint32_t>(epoch >> 32)};
      changed ^= philox4x32(counter, key)[0] & mask(round % 2 == 0 ? left_bits_ : right_bits_);
    }
    value = static_cast<std::uint64_t>(left) << right_bits_ | right;
  } while (value >= static_cast<std::uint64_t>(size_));
  return static_cast<std::int64_t>(value);
}

}  // namespace sd35
