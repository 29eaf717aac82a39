// Words of a text, as vocabularies list them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sd35 {

// Runs of letters and digits: "a T-shirt" has three words. Apostrophes inside one belong to it; what is
// beyond ASCII counts as letters.
std::vector<std::string_view> words_of(std::string_view text);

// The word that `text` begins with; empty where it begins with something else.
std::string_view word_at_start(std::string_view text);

// Of ASCII's letters; others stay.
std::string in_small_letters(std::string_view text);

}  // namespace sd35
