#include "core/config_file.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "core/file_kind.h"
#include "core/file_reader.h"
#include "core/messages.h"

namespace sd35 {
namespace {

constexpr int kDeepest = 32;

// A value in a message: short, on one line.
std::string shown(const nlohmann::json& value) {
  if (value.is_structured()) return value.is_object() ? "an object" : "a list";
  return value.is_string() ? in_quotes(value.get_ref<const std::string&>()) : value.dump();
}

std::string range(const std::string& min, const std::string& max) { return "from " + min + " to " + max; }

bool begins_as_json(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && std::string_view("{[\"-0123456789tfn").find(text[first]) != text.npos;
}

// The shortest text of a number.
std::string shown(double value) { return nlohmann::json(value).dump(); }

// Of a byte, counted from 1.
std::string place_of(std::size_t byte, std::string_view text) {
  const std::string_view before = text.substr(0, byte == 0 ? 0 : byte - 1);
  const std::size_t line_begin = before.rfind('\n') + 1;  // 0 in the first line
  return "line " + std::to_string(1 + std::ranges::count(before, '\n')) + ", column " +
         std::to_string(before.size() - line_begin + 1);
}

}  // namespace

nlohmann::json read_json_file(const std::filesystem::path& path, std::uintmax_t largest) {
  const std::string text = read_whole_file(path, largest);
  try {
    return parse_json_object(text, path.string());
  } catch (const FileError&) {
    // A pointer, a web page or a picture in the place of a configuration is worth naming.
    const std::string kind = begins_as_json(text) ? "" : file_kind(std::as_bytes(std::span(text)));
    if (kind.empty()) throw;
    throw FileError(path.string() + ": not valid JSON; it is " + kind, {}, path);
  }
}

nlohmann::json parse_json_object(std::string_view text, const Location& location, JsonComments comments) {
  std::vector<std::set<std::string>> keys;  // of the objects that are open
  const auto check = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (depth > kDeepest)
      throw FileError(location + ": nested deeper than " + std::to_string(kDeepest) + " levels", {},
                      location.file);
    if (event == Event::object_start) keys.emplace_back();
    if (event == Event::object_end) keys.pop_back();
    if (event == Event::key && !keys.back().insert(parsed.get_ref<const std::string&>()).second)
      throw FileError(
          location + ": key " + in_quotes(parsed.get_ref<const std::string&>()) + " is there twice", {},
          location.file);
    return true;
  };
  nlohmann::json json;
  try {
    json = nlohmann::json::parse(text.begin(), text.end(), check, true, comments == JsonComments::allowed);
  } catch (const nlohmann::json::parse_error& error) {
    throw FileError(location + ": not valid JSON in UTF-8 (" + place_of(error.byte, text) + ")", {},
                    location.file);
  } catch (const nlohmann::json::out_of_range&) {
    throw FileError(location + ": a number is out of range", {}, location.file);
  }
  if (!json.is_object())
    throw FileError(location + ": the file holds " + shown(json) + "; it must be an object", {},
                    location.file);
  return json;
}

ConfigReader::ConfigReader(const nlohmann::json& json, Location location)
    : json_(json), location_(std::move(location)) {
  if (!json.is_object())
    throw FileError(location_ + ": it is " + shown(json) + "; it must be an object", {}, location_.file);
}

void ConfigReader::fail(std::string_view key, const std::string& what) const {
  throw FileError(location_ + ": " + in_quotes(key) + " " + what, {}, location_.file);
}

const nlohmann::json* ConfigReader::find(std::string_view key) const {
  const auto it = json_.find(key);
  return it == json_.end() || it->is_null() ? nullptr : &*it;
}

const nlohmann::json& ConfigReader::require(std::string_view key) const {
  const nlohmann::json* value = find(key);
  if (value == nullptr) fail(key, "is missing");
  return *value;
}

bool ConfigReader::has(std::string_view key) const { return find(key) != nullptr; }

std::int64_t ConfigReader::whole(std::string_view key, const nlohmann::json& value, std::int64_t min,
                                 std::int64_t max) const {
  // Beyond 2^53 a float is not exact; no size of a model comes near.
  constexpr double kExact = 9007199254740992.0;
  std::optional<std::int64_t> number;
  if (value.is_number_unsigned()) {
    const auto wide = value.get<std::uint64_t>();
    if (wide <= static_cast<std::uint64_t>(INT64_MAX)) number = static_cast<std::int64_t>(wide);
  } else if (value.is_number_integer()) {
    number = value.get<std::int64_t>();
  } else if (value.is_number_float()) {
    const auto real = value.get<double>();
    if (std::abs(real) <= kExact && std::trunc(real) == real) number = static_cast<std::int64_t>(real);
  }
  if (!number || *number < min || *number > max)
    fail(key, "is " + shown(value) + "; it must be a whole number " +
                  range(std::to_string(min), std::to_string(max)));
  return *number;
}

std::int64_t ConfigReader::integer(std::string_view key, std::int64_t min, std::int64_t max) const {
  return whole(key, require(key), min, max);
}

std::int64_t ConfigReader::integer(std::string_view key, std::int64_t min, std::int64_t max,
                                   std::int64_t fallback) const {
  return has(key) ? integer(key, min, max) : fallback;
}

double ConfigReader::number(std::string_view key, double min, double max) const {
  const nlohmann::json& value = require(key);
  const double number = value.is_number() ? value.get<double>() : NAN;
  if (!(number >= min && number <= max) || !std::isfinite(number))
    fail(key, "is " + shown(value) + "; it must be a number " + range(shown(min), shown(max)));
  return number;
}

double ConfigReader::number(std::string_view key, double min, double max, double fallback) const {
  return has(key) ? number(key, min, max) : fallback;
}

std::string ConfigReader::text(std::string_view key) const {
  const nlohmann::json& value = require(key);
  if (!value.is_string()) fail(key, "is " + shown(value) + "; it must be a string");
  return value.get<std::string>();
}

std::string ConfigReader::text(std::string_view key, std::string_view fallback) const {
  return has(key) ? text(key) : std::string(fallback);
}

std::string ConfigReader::choice(std::string_view key, const std::vector<std::string>& allowed) const {
  std::string value = text(key, allowed.front());
  std::string listed;
  for (const std::string& option : allowed) {
    if (value == option) return value;
    listed += (listed.empty() ? "'" : ", '") + option + "'";
  }
  fail(key, "is " + in_quotes(value) + "; supported: " + listed);
}

bool ConfigReader::boolean(std::string_view key) const {
  const nlohmann::json& value = require(key);
  if (!value.is_boolean()) fail(key, "is " + shown(value) + "; it must be true or false");
  return value.get<bool>();
}

bool ConfigReader::boolean(std::string_view key, bool fallback) const {
  return has(key) ? boolean(key) : fallback;
}

std::vector<std::int64_t> ConfigReader::integers(std::string_view key, std::int64_t min, std::int64_t max,
                                                 std::size_t longest) const {
  const nlohmann::json& value = require(key);
  if (!value.is_array() || value.size() > longest)
    fail(key, "is " + (value.is_array() ? "a list of " + std::to_string(value.size()) : shown(value)) +
                  "; it must be a list of up to " + std::to_string(longest) + " whole numbers");
  std::vector<std::int64_t> numbers;
  for (const nlohmann::json& element : value) numbers.push_back(whole(key, element, min, max));
  return numbers;
}

std::vector<std::int64_t> ConfigReader::integers(std::string_view key, std::int64_t min, std::int64_t max,
                                                 std::size_t longest,
                                                 std::vector<std::int64_t> fallback) const {
  return has(key) ? integers(key, min, max, longest) : std::move(fallback);
}

}  // namespace sd35
