// Strict reading of JSON files: configurations of components, indexes of shards.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/location.h"

namespace sd35 {

// Reads `path`. Throws FileError when it is missing, larger than `largest` bytes, not valid JSON in UTF-8,
// nested deeper than 32 levels, or holds a key twice in one object; the root must be an object.
nlohmann::json read_json_file(const std::filesystem::path& path, std::uintmax_t largest = 16'000'000);

enum class JsonComments : std::uint8_t { forbidden, allowed };  // "// ..." and "/* ... */"

// The same, of text that came from `location`.
nlohmann::json parse_json_object(std::string_view text, const Location& location,
                                 JsonComments comments = JsonComments::forbidden);

// Values of one JSON object by key. Everything throws FileError naming the location, the key, what is there
// and what would work: when a required key is missing (null counts as missing), has another type, or is out
// of range.
class ConfigReader {
 public:
  // `json` must outlive the reader and be an object.
  ConfigReader(const nlohmann::json& json, Location location);

  bool has(std::string_view key) const;

  // Whole numbers in [min, max]; 24.0 counts as whole.
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max) const;
  std::int64_t integer(std::string_view key, std::int64_t min, std::int64_t max, std::int64_t fallback) const;
  // Finite numbers in [min, max].
  double number(std::string_view key, double min, double max) const;
  double number(std::string_view key, double min, double max, double fallback) const;
  std::string text(std::string_view key) const;
  std::string text(std::string_view key, std::string_view fallback) const;
  // One of `allowed`; the first where the key is missing.
  std::string choice(std::string_view key, const std::vector<std::string>& allowed) const;
  bool boolean(std::string_view key) const;
  bool boolean(std::string_view key, bool fallback) const;
  // Lists of whole numbers, each in [min, max], with `longest` elements at most.
  std::vector<std::int64_t> integers(std::string_view key, std::int64_t min, std::int64_t max,
                                     std::size_t longest) const;
  std::vector<std::int64_t> integers(std::string_view key, std::int64_t min, std::int64_t max,
                                     std::size_t longest, std::vector<std::int64_t> fallback) const;

  // For a value that contradicts another one.
  [[noreturn]] void fail(std::string_view key, const std::string& what) const;

 private:
  // Null where the key is missing.
  const nlohmann::json* find(std::string_view key) const;
  const nlohmann::json& require(std::string_view key) const;
  std::int64_t whole(std::string_view key, const nlohmann::json& value, std::int64_t min,
                     std::int64_t max) const;

  const nlohmann::json& json_;
  Location location_;
};

}  // namespace sd35
