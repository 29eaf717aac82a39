// A short stand-in for long arrays in goldens.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace sd35 {

// FNV-1a, 64 bits, as 16 hexadecimal digits; the scripts of tools/reference compute the same.
class Checksum {
 public:
  template <class T>
  void add(std::span<const T> values) {
    for (std::size_t i = 0; i < values.size_bytes(); ++i) {
      unsigned char byte;
      std::memcpy(&byte, reinterpret_cast<const char*>(values.data()) + i, 1);
      hash_ = (hash_ ^ byte) * 0x100000001b3ull;
    }
  }
  std::string hex() const {
    std::string digits;
    for (int shift = 60; shift >= 0; shift -= 4) digits += "0123456789abcdef"[hash_ >> shift & 15];
    return digits;
  }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ull;
};

template <class T>
std::string checksum(const std::vector<T>& values) {
  Checksum sum;
  sum.add(std::span<const T>(values));
  return sum.hex();
}

}  // namespace sd35
