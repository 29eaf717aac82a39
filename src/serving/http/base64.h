// Bytes as text, of RFC 4648.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace sd35::serving {

std::string base64_of(std::span<const std::uint8_t> bytes);
std::string base64_of(std::string_view bytes);

// Nothing unless all of it is base64. Ends of lines are skipped, the padding may be missing.
std::optional<std::string> base64_decoded(std::string_view text);

// The bytes of a picture in JSON: base64, bare or behind "data:image/png;base64,". Nothing for anything else,
// such as an address.
std::optional<std::string> bytes_of_data_url(std::string_view text);

// Random bytes as text for an address: 22 characters of 128 bits.
std::string random_id();

}  // namespace sd35::serving
