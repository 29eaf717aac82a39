// Files with lengths and checksums made right, so that changes to what they guard get past them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace sd35 {

// Of a chunk of PNG (ISO 3309, as zlib's crc32).
inline std::uint32_t crc32_of(std::string_view bytes) {
  std::uint32_t crc = 0xffffffff;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

// A PNG with the checksum of each chunk.
inline std::string sealed_png(std::string bytes) {
  constexpr std::size_t kSignature = 8, kFrame = 12;  // a chunk's length, type and checksum
  const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(bytes[i])}; };
  for (std::size_t at = kSignature; at + kFrame <= bytes.size();) {
    const std::size_t length = byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
    if (length > bytes.size() - at - kFrame) break;
    const std::uint32_t crc = crc32_of(std::string_view(bytes).substr(at + 4, 4 + length));
    for (std::size_t i = 0; i < 4; ++i) bytes[at + 8 + length + i] = static_cast<char>(crc >> (24 - 8 * i));
    at += kFrame + length;
  }
  return bytes;
}

// A safetensors file whose header, in whatever state, reaches to the last brace and the blanks after it.
inline std::string sealed_safetensors(std::string bytes) {
  constexpr std::size_t kLength = 8;
  const std::size_t brace = bytes.rfind('}');
  if (brace == bytes.npos || brace < kLength) return bytes;
  const std::size_t end = std::min(bytes.find_first_not_of(' ', brace + 1), bytes.size());
  const std::uint64_t length = end - kLength;
  std::memcpy(bytes.data(), &length, kLength);
  return bytes;
}

}  // namespace sd35
