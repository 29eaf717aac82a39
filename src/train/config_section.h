// Strict reading of a training configuration, part by part.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/config_file.h"
#include "core/error.h"
#include "core/location.h"
#include "core/messages.h"
#include "train/keys_of_tasks.h"

namespace sd35::train {

inline constexpr std::int64_t kMany = std::int64_t{1} << 40;

// Part of the configuration; records the keys it was asked for, so that a misspelt one is found.
class Section {
 public:
  Section(const nlohmann::json& values, Location location)
      : values_(values), location_(std::move(location)), reader_(check(values, location_), location_) {}

  void integer(const char* key, std::int64_t& value, std::int64_t min, std::int64_t max = kMany) {
    value = reader_.integer(known(key), min, max, value);
  }
  void integer(const char* key, int& value, std::int64_t min, std::int64_t max) {
    value = static_cast<int>(reader_.integer(known(key), min, max, value));
  }
  void number(const char* key, double& value, double min, double max) {
    value = reader_.number(known(key), min, max, value);
  }
  void text(const char* key, std::string& value) { value = reader_.text(known(key), value); }
  void choice(const char* key, std::string& value, std::vector<std::string> allowed) {
    // A missing key keeps the present value.
    std::stable_partition(allowed.begin(), allowed.end(),
                          [&](const std::string& name) { return name == value; });
    value = reader_.choice(known(key), allowed);
  }
  void boolean(const char* key, bool& value) { value = reader_.boolean(known(key), value); }
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> result;
    if (!has(key)) return result;
    const nlohmann::json& list = values_.at(key);
    if (!list.is_array()) reader_.fail(key, "must be a list of texts");
    for (const nlohmann::json& item : list) {
      if (!item.is_string()) reader_.fail(key, "must be a list of texts");
      result.push_back(item.get<std::string>());
    }
    return result;
  }
  std::vector<std::int64_t> integers(const char* key, std::int64_t min, std::int64_t max) {
    return reader_.integers(known(key), min, max, 64);
  }
  bool has(const char* key) { return reader_.has(known(key)); }
  // The same for a key that is not the section's.
  bool holds(const char* key) const { return reader_.has(key); }
  const nlohmann::json& part(const char* key) { return values_.at(key); }
  // The object under the key; one without keys if it is missing.
  Section inner(const char* key) {
    static const nlohmann::json nothing = nlohmann::json::object();
    return {has(key) ? part(key) : nothing, location_of(key)};
  }
  // Where a relative path leads: from the folder of the file.
  std::string beside_file(const std::string& path) const {
    return path.empty() || std::filesystem::path(path).is_absolute()
               ? path
               : (location_.file.parent_path() / path).string();
  }
  void path(const char* key, std::string& value) {
    text(key, value);
    value = beside_file(value);
  }
  Location location_of(const std::string& key) const { return {location_ + ": " + key, location_.file}; }
  [[noreturn]] void fail(const char* key, const std::string& what) const { reader_.fail(key, what); }

  // Throws for a key that was not asked for.
  void finish() const {
    for (const auto& [key, value] : values_.items())
      if (std::ranges::find(known_, key) == known_.end()) {
        std::string all;
        for (const std::string& name : known_) all += (all.empty() ? "" : ", ") + name;
        throw FileError(location_ + ": unknown key " + in_quotes(key) + "; known: " + all, {},
                        location_.file);
      }
  }

 private:
  static const nlohmann::json& check(const nlohmann::json& values, const Location& location) {
    if (!values.is_object()) throw FileError(location + " must be an object", {}, location.file);
    return values;
  }
  const char* known(const char* key) {
    if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
    return key;
  }

  const nlohmann::json& values_;
  Location location_;
  ConfigReader reader_;
  std::vector<std::string> known_;
};

// Throws for a key that the task would not use.
inline void check_keys(Section& section, std::span<const KeyOfTasks> keys, Task task) {
  for (const KeyOfTasks& key : keys)
    if (const std::string refusal = key.refusal(task); !refusal.empty() && section.holds(key.name))
      section.fail(key.name, refusal);
}

}  // namespace sd35::train
