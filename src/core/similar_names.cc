#include "core/similar_names.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <utility>

namespace sd35 {
namespace {

// Edits (of a letter, or two letters swapped) that turn one into the other.
std::size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> before_last, last, row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    before_last = std::exchange(last, row);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before_last[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string did_you_mean(const std::string& word, const std::vector<std::string>& known) {
  const auto badness = [&](const std::string& other) {
    return other.starts_with(word) ? 0 : edit_distance(word, other);
  };
  const auto best = std::ranges::min_element(known, {}, badness);
  const std::size_t letters = static_cast<std::size_t>(
      std::ranges::count_if(word, [](unsigned char c) { return std::isalnum(c) != 0; }));
  if (letters < 2 || best == known.end() || badness(*best) > std::max<std::size_t>(1, letters / 3)) return "";
  return "; did you mean " + *best + "?";
}

}  // namespace sd35
