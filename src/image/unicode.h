// The text encodings of picture metadata. Malformed input never fails: each bad unit becomes U+FFFD.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sd35 {

// Well-formed UTF-8 without NUL, which no metadata field can hold.
std::string clean_utf8(std::string_view text);

// Nothing when some character is beyond U+00FF.
std::optional<std::string> latin1_from_utf8(std::string_view text);
std::string utf8_from_latin1(std::string_view text);

std::u16string utf16_from_utf8(std::string_view text);
std::string utf8_from_utf16(std::u16string_view text);

}  // namespace sd35
