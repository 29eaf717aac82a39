// Where the pictures of a run go.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "sd35/sd35.h"

namespace sd35::cli {

// Throws ArgumentError where two of these (option, file) name the same file, of which one would be lost. An
// empty name is none.
void check_different(const std::vector<std::pair<std::string, std::filesystem::path>>& files);

// What -o names: nothing (out.png), a folder, a file, a name with {seed} and {index}, or "-", the standard
// output. A file that is named is replaced; in a folder, and without a name, nothing is ever replaced:
// pictures are called out.png, out-2.png, ... Several pictures of one name are numbered: cat-0001.png,
// cat-0002.png.
class OutputNames {
 public:
  // `output`: the text of -o, empty if it was not given; `seeds`: one per picture. Every name is checked now.
  // Throws ArgumentError for names that cannot be, FileError for those that cannot be written.
  OutputNames(const std::string& output, const std::vector<std::uint64_t>& seeds);

  // Writes picture `index` and returns where it lies, for a person.
  std::string save(const Picture& picture, std::size_t index) const;
  // Throws ArgumentError where `file`, which `option` names, is the file of a picture.
  void check_other(const std::string& option, const std::filesystem::path& file) const;
  bool to_standard_output() const { return names_.empty(); }

 private:
  std::vector<std::filesystem::path> names_;  // one per picture; empty: the standard output
  bool replace_ = true;
};

}  // namespace sd35::cli
