// How wide the letters of a typeface are, for a text encoder that learns where in its word each one lies.
#pragma once

#include <filesystem>
#include <map>

namespace sd35::train {

class LetterWidths {
 public:
  // Every letter is as wide as any other.
  LetterWidths() = default;
  // From a JSON object with the advance width of each character, in any unit: {"a": 0.55, "W": 0.93, ...}.
  // Throws FileError for a key that is not one character, a width that is not above 0, or none at all.
  static LetterWidths read(const std::filesystem::path& path);

  // The mean of all if the letter is not among them.
  double of(char32_t letter) const;

 private:
  std::map<char32_t, double> widths_;
  double mean_ = 1;
};

}  // namespace sd35::train
