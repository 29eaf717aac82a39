// The typefaces of the words on signs.
#pragma once

#include <span>
#include <string_view>

namespace sd35 {

struct Typeface {
  std::string_view name;  // "liberation-sans"
  const char* family;     // as fontconfig knows it
  bool bold;
  const char* package;  // Debian's
};
inline constexpr int kTypefaces = 12;

// kTypefaces of them. Their order will not change: scenes in files name them by their number.
std::span<const Typeface> typefaces();

// Throws ArgumentError naming them.
int typeface_named(std::string_view name);

}  // namespace sd35
