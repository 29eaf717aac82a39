// The order in which a data set is traversed.
#pragma once

#include <cstdint>

namespace sd35 {

// A pseudo-random permutation of [0, size) for every epoch, as a pure function: nothing to keep and nothing
// to save. A Feistel network over the smallest power of two that holds `size`, walked until it lands inside
// (Black and Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002); its rounds are Philox.
class SampleOrder {
 public:
  struct Place {
    std::int64_t epoch = 0;
    std::int64_t index = 0;

    bool operator==(const Place&) const = default;
  };

  // `stream`, below 2^24, distinguishes orders that share a seed. Throws ArgumentError unless `size` is in
  // [1, 2^32].
  SampleOrder(std::int64_t size, std::uint64_t seed, std::uint32_t stream = 0);

  std::int64_t size() const { return size_; }
  // The `position`-th sample ever seen, from 0.
  Place at(std::int64_t position) const;
  // The sample at `offset` in [0, size) of an epoch.
  std::int64_t index(std::int64_t epoch, std::int64_t offset) const;

 private:
  std::int64_t size_;
  std::uint64_t seed_;
  std::uint32_t stream_;
  int left_bits_ = 0;
  int right_bits_ = 0;
};

}  // namespace sd35
