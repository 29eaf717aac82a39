// Where something stands that was read.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace sd35 {

// A file, or a place inside one. Errors carry both: the words in their message, the file as a field.
struct Location {
  std::string text;            // as messages call it: "/data/metadata.jsonl:3"
  std::filesystem::path file;  // that it lies in; empty: none

  // A file as a whole. Converts, because most places are.
  Location(const std::string& path) : text(path), file(path) {}
  Location(const char* path) : text(path), file(path) {}
  Location(std::string words, std::filesystem::path path) : text(std::move(words)), file(std::move(path)) {}
};

inline std::string operator+(const Location& location, std::string_view words) {
  return location.text + std::string(words);
}

}  // namespace sd35
