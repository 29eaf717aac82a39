#include "lab/scoring/capitals.h"

#include <cctype>
#include <cmath>
#include <limits>
#include <string_view>

namespace sd35 {
namespace {

bool reaches_capitals(const std::string& character) {
  constexpr std::string_view kAscenders = "bdfhkl", kTailed = "JQ";
  if (character.size() != 1 || kTailed.find(character[0]) != kTailed.npos) return false;
  const auto c = static_cast<unsigned char>(character[0]);
  return std::isupper(c) != 0 || std::isdigit(c) != 0 || kAscenders.find(character[0]) != kAscenders.npos;
}

}  // namespace

double capital_height(const std::vector<Letter>& letters) {
  double height = std::numeric_limits<double>::quiet_NaN();
  for (const Letter& letter : letters)
    if (reaches_capitals(letter.character)) height = std::fmax(height, letter.height);
  return height;
}

}  // namespace sd35
