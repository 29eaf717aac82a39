#include "evaluation/letters.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>

namespace sd35 {
namespace {

bool same_letter(char a, char b) {
  return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
}

constexpr std::int64_t kEdit = std::int64_t{1} << 32;  // an edit costs more than all equal letters are worth

// costs[i][j]: of the first i asked and the first j read characters.
std::vector<std::vector<std::int64_t>> alignment_costs(std::string_view asked, std::string_view read) {
  std::vector costs(asked.size() + 1, std::vector<std::int64_t>(read.size() + 1));
  for (std::size_t i = 0; i <= asked.size(); ++i) {
    for (std::size_t j = 0; j <= read.size(); ++j) {
      if (i == 0 || j == 0) {
        costs[i][j] = static_cast<std::int64_t>(i + j) * kEdit;
        continue;
      }
      const std::int64_t step = same_letter(asked[i - 1], read[j - 1]) ? -1 : kEdit;
      costs[i][j] = std::min({costs[i - 1][j - 1] + step, costs[i - 1][j] + kEdit, costs[i][j - 1] + kEdit});
    }
  }
  return costs;
}

bool is_right(const LetterPair& pair) {
  return pair.asked != 0 && pair.read != 0 && same_letter(pair.asked, pair.read);
}

void count_letter(LetterShare& share, bool right) {
  ++share.letters;
  share.right += right ? 1 : 0;
}

std::string text_of_letter(char c) { return c == 0 ? "" : std::string(1, c); }

}  // namespace

std::vector<LetterPair> align(std::string_view asked, std::string_view read) {
  const std::vector<std::vector<std::int64_t>> costs = alignment_costs(asked, read);
  std::vector<LetterPair> pairs;
  for (std::size_t i = asked.size(), j = read.size(); i > 0 || j > 0;) {
    const bool equal = i > 0 && j > 0 && same_letter(asked[i - 1], read[j - 1]);
    if (i > 0 && j > 0 && costs[i][j] == costs[i - 1][j - 1] + (equal ? -1 : kEdit))
      pairs.push_back({asked[--i], read[--j]});
    else if (i > 0 && costs[i][j] == costs[i - 1][j] + kEdit)
      pairs.push_back({asked[--i], 0});
    else
      pairs.push_back({0, read[--j]});
  }
  std::ranges::reverse(pairs);
  return pairs;
}

void LetterTable::add(const std::vector<std::string>& words, std::string_view read, double capitals) {
  std::string asked;
  std::vector<std::pair<int, int>> places;  // index in the word and its length, of each character of `asked`
  for (const std::string& word : words) {
    if (!asked.empty()) asked += ' ', places.emplace_back();
    asked += word;
    for (int i = 1; i <= static_cast<int>(word.size()); ++i)
      places.emplace_back(i, static_cast<int>(word.size()));
  }
  const std::vector<LetterPair> pairs = align(asked, read);
  const bool legible = 2 * std::ranges::count_if(pairs, is_right) >= std::ssize(asked);
  std::size_t next = 0;
  for (const LetterPair& pair : pairs) {
    const bool right = is_right(pair);
    if (!right && legible) ++confusions_[{pair.asked, pair.read}];
    if (pair.asked == 0) continue;
    const auto [index, length] = places[next++];
    if (length == 0) continue;  // a space
    count_letter(all_, right);
    count_letter(by_length_[length], right);
    count_letter(by_index_[index], right);
    if (std::isfinite(capitals))
      count_letter(by_capitals_[static_cast<int>(capitals) / kCapitalStep * kCapitalStep], right);
  }
}

std::vector<Confusion> LetterTable::confusions() const {
  std::vector<Confusion> list;
  for (const auto& [pair, count] : confusions_)
    list.push_back({text_of_letter(pair.first), text_of_letter(pair.second), count});
  std::ranges::stable_sort(list, std::ranges::greater{}, &Confusion::count);
  return list;
}

}  // namespace sd35
