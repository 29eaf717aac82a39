// Letter by letter: how much of the asked words was read in pictures.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sd35 {

// A character of the asked text and the one that was read in its place; 0 if there is none.
struct LetterPair {
  char asked = 0;
  char read = 0;
  bool operator==(const LetterPair&) const = default;
};

// The two texts of ASCII side by side, in their order: with the fewest insertions, deletions and
// substitutions, and of such alignments with the most equal characters, whatever their case.
std::vector<LetterPair> align(std::string_view asked, std::string_view read);

struct LetterShare {
  int right = 0;
  int letters = 0;

  double share() const { return letters == 0 ? 0 : static_cast<double>(right) / letters; }
};

// One letter read for another, or (empty) a letter that was not read, or was not asked for.
struct Confusion {
  std::string asked, read;
  int count = 0;
};

// Over all words that are added. Spaces are not letters, but may be confused with them.
class LetterTable {
 public:
  // `capitals`: their height in pixels, NaN if it is not known.
  void add(const std::vector<std::string>& words, std::string_view read, double capitals);

  const LetterShare& all() const { return all_; }
  const std::map<int, LetterShare>& by_length() const { return by_length_; }  // of the word
  const std::map<int, LetterShare>& by_index() const { return by_index_; }    // in the word, from 1
  // By the height of capitals, kCapitalStep pixels from the key on.
  const std::map<int, LetterShare>& by_capitals() const { return by_capitals_; }
  // The most common first; only from texts of which at least half was read right, because otherwise it is
  // chance which letters are aligned.
  std::vector<Confusion> confusions() const;

 private:
  LetterShare all_;
  std::map<int, LetterShare> by_length_, by_index_, by_capitals_;
  std::map<std::pair<char, char>, int> confusions_;
};

inline constexpr int kCapitalStep = 4;

}  // namespace sd35
