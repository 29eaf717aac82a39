#include "lab/scenes/words.h"

#include <algorithm>
#include <cstdint>

#include "core/error.h"

namespace sd35 {
namespace {

// No f, sh or n in front, so that no rude word can come out.
constexpr std::string_view kOnsets[] = {"b", "bl", "br", "d", "dr", "g",  "gl", "gr", "h", "j", "k", "l",
                                        "m", "pl", "pr", "r", "s",  "st", "t",  "tr", "v", "w", "y", "z"};
constexpr std::string_view kVowels[] = {"a", "e", "i", "o", "u", "ee", "oo", "ai", "ou"};
constexpr std::string_view kCodas[] = {"", "", "b", "d", "ft", "l", "m", "n", "nd", "p", "r", "rk", "s", "x"};
// No vowels, for the same reason, and nothing that is easily mistaken for another: 0 and o, 1 and l.
constexpr std::string_view kSigns = "bcdfghjkmnpqrstvwxyz23456789";

std::string invented_word(SceneRandom& random) {
  std::string word;
  const std::size_t syllables = 1 + random.below(3);
  for (std::size_t i = 0; i < syllables; ++i) {
    word += random.pick(kOnsets);
    word += random.pick(kVowels);
  }
  word += random.pick(kCodas);
  return word;
}

std::string dictionary_word(SceneRandom& random) { return std::string(random.pick(dictionary())); }

}  // namespace

WordSource word_source_from_name(std::string_view name) {
  constexpr std::string_view kSources[] = {"dictionary", "invented", "random"};
  const auto* const found = std::ranges::find(kSources, name);
  if (found == std::end(kSources))
    throw ArgumentError("no source of words is named '" + std::string(name) +
                        "'; there are dictionary, invented, random");
  return static_cast<WordSource>(found - kSources);
}

std::string roll_word(SceneRandom& random, WordSource source, std::size_t minimum, std::size_t maximum) {
  if (minimum < 2 || maximum > 8 || minimum > maximum)
    throw ArgumentError("words have 2 to 8 letters, not " + std::to_string(minimum) + " to " +
                        std::to_string(maximum));
  if (source == WordSource::random) {
    std::string word(minimum + random.below(maximum - minimum + 1), ' ');
    for (char& c : word) c = kSigns[random.below(kSigns.size())];
    return word;
  }
  while (true) {
    std::string word = source == WordSource::dictionary ? dictionary_word(random) : invented_word(random);
    if (word.size() >= minimum && word.size() <= maximum) return word;
  }
}

}  // namespace sd35
