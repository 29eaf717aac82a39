// Words in pictures, read by Tesseract.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "image/image.h"

namespace sd35 {

// For one thread.
class WordReader {
 public:
  // Throws FileError naming the package when the data of the English language is not installed.
  WordReader();
  ~WordReader();
  WordReader(const WordReader&) = delete;
  WordReader& operator=(const WordReader&) = delete;

  // What a picture says, words separated by spaces; empty when nothing can be read. Every surface of one
  // colour that something else lies on (a sign, a shirt, the picture itself) is read at three sizes, and
  // the reading with the highest product of confidence and letters is taken. Tesseract's dictionaries are
  // off, so that it reads letters, not what they should be.
  std::string read(const Image& picture);

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
};

// The surfaces that read() looks at: what lies on each, black on white whatever its colours.
std::vector<Image> lettered_surfaces(const Image& picture);

// Insertions, deletions and substitutions (Levenshtein 1966) between two texts of ASCII, whatever their case.
int edit_distance(std::string_view a, std::string_view b);

}  // namespace sd35
