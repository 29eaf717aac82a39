// What stands on signs.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lab/scenes/scene_random.h"

namespace sd35 {

// Common English words of 2 to 8 lowercase letters.
std::span<const std::string_view> dictionary();

enum class WordSource : std::uint8_t {
  dictionary,
  invented,  // pronounceable: "brolat"
  random     // letters and digits: "x7k2"
};
inline constexpr std::size_t kWordSources = 3;
// Throws ArgumentError naming them.
WordSource word_source_from_name(std::string_view name);

// A lowercase word of `minimum` to `maximum` characters, 2 <= minimum <= maximum <= 8.
std::string roll_word(SceneRandom& random, WordSource source, std::size_t minimum, std::size_t maximum);

}  // namespace sd35
