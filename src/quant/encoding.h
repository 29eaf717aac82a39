// Weights whose elements do not lie one by one in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace sd35 {

// How the bytes of a tensor represent its elements. Elements come in groups that are decoded together.
class Encoding {
 public:
  virtual ~Encoding() = default;
  // "q4_k", "nf4", ... for messages.
  virtual std::string_view name() const = 0;
  // Elements of a group; a row of a tensor is a whole number of groups.
  virtual std::int64_t group_elements() const = 0;
  // Bytes of a group.
  virtual std::int64_t group_bytes() const = 0;
  // The values of elements [first, first + count) of the tensor whose bytes are `bytes`; both numbers are
  // multiples of group_elements().
  virtual void decode(std::span<const std::byte> bytes, std::int64_t first, std::int64_t count,
                      float* values) const = 0;
};

}  // namespace sd35
