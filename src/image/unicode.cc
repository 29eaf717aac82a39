#include "image/unicode.h"

#include <algorithm>
#include <cstddef>

namespace sd35 {
namespace {

constexpr char32_t kReplacement = 0xFFFD;

bool is_surrogate(char32_t c) { return c >= 0xD800 && c <= 0xDFFF; }

// Takes one character off the front. A malformed sequence loses one byte, so that what follows it survives.
char32_t take_character(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  std::size_t length = 1;
  char32_t least = 0;
  char32_t c = lead;
  if (lead >= 0xF0 && lead < 0xF8) {
    length = 4, least = 0x10000, c = lead & 0x07;
  } else if (lead >= 0xE0 && lead < 0xF0) {
    length = 3, least = 0x800, c = lead & 0x0F;
  } else if (lead >= 0xC0 && lead < 0xE0) {
    length = 2, least = 0x80, c = lead & 0x1F;
  }
  bool valid = (lead < 0x80 || length > 1) && length <= text.size();
  for (std::size_t i = 1; valid && i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    valid = (next & 0xC0) == 0x80;
    c = (c << 6) | (next & 0x3F);
  }
  valid = valid && c >= least && c <= 0x10FFFF && !is_surrogate(c);
  text.remove_prefix(valid ? length : 1);
  return valid ? c : kReplacement;
}

void append_utf8(std::string& text, char32_t c) {
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) {
    text += static_cast<char>(c);
  } else if (c < 0x800) {
    text += static_cast<char>(0xC0 | (c >> 6));
    text += tail(0);
  } else if (c < 0x10000) {
    text += static_cast<char>(0xE0 | (c >> 12));
    text += tail(6);
    text += tail(0);
  } else {
    text += static_cast<char>(0xF0 | (c >> 18));
    text += tail(12);
    text += tail(6);
    text += tail(0);
  }
}

}  // namespace

std::string clean_utf8(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const char32_t c = take_character(text);
    append_utf8(clean, c == 0 ? kReplacement : c);
  }
  return clean;
}

std::optional<std::string> latin1_from_utf8(std::string_view text) {
  std::string latin1;
  while (!text.empty()) {
    const char32_t c = take_character(text);
    if (c > 0xFF) return std::nullopt;
    latin1 += static_cast<char>(c);
  }
  return latin1;
}

std::string utf8_from_latin1(std::string_view text) {
  std::string utf8;
  for (const char c : text) append_utf8(utf8, static_cast<unsigned char>(c));
  return utf8;
}

std::u16string utf16_from_utf8(std::string_view text) {
  std::u16string utf16;
  while (!text.empty()) {
    const char32_t c = take_character(text);
    if (c < 0x10000) {
      utf16 += static_cast<char16_t>(c);
    } else {
      utf16 += static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10));
      utf16 += static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF));
    }
  }
  return utf16;
}

std::string utf8_from_utf16(std::u16string_view text) {
  std::string utf8;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char32_t c = text[i];
    const bool leads = c >= 0xD800 && c < 0xDC00;
    if (leads && i + 1 < text.size() && text[i + 1] >= 0xDC00 && text[i + 1] <= 0xDFFF)
      c = 0x10000 + ((c - 0xD800) << 10) + (text[++i] - 0xDC00);
    append_utf8(utf8, is_surrogate(c) ? kReplacement : c);
  }
  return utf8;
}

}  // namespace sd35
