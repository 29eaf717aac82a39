#include "options/prompt_lines.h"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/config_file.h"
#include "core/error.h"
#include "core/file_reader.h"
#include "core/messages.h"
#include "options/option_json.h"
#include "options/options.h"

namespace sd35 {
namespace {

constexpr std::size_t kLongestLine = std::size_t{1} << 20;
constexpr std::int64_t kMostLines = 1'000'000;  // six digits have names for them
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// What it begins with, blanks aside; NUL where it is blank.
char first_character(std::string_view line) {
  const std::size_t at = line.find_first_not_of(" \t\r\v\f");
  return at == line.npos ? '\0' : line[at];
}

// Names of options of loading alone.
const std::set<std::string, std::less<>>& names_of_loading() {
  static const auto kNames = [] {
    std::set<std::string, std::less<>> names;
    visit_defaults<LoadOptions>([&](const Option& option, const auto&) { names.emplace(option.name); });
    visit_defaults<GenerateOptions>(
        [&](const Option& option, const auto&) { names.erase(std::string(option.name)); });
    return names;
  }();
  return kNames;
}

void check_text(std::string_view line) {
  if (line.size() > kLongestLine)
    throw FileError("it has " + std::to_string(line.size()) + " bytes; a line may have " +
                    std::to_string(kLongestLine));
  if (line.find('\0') != line.npos) throw FileError("it holds a NUL byte, which a text does not");
  try {
    (void)nlohmann::json(line).dump();  // refuses anything else
  } catch (const nlohmann::json::exception&) {
    throw FileError("it is not text in UTF-8");
  }
}

void check_keys(const nlohmann::json& line) {
  if (line.contains("count"))
    throw FileError("count is not for a line, which is one picture; repeat it with another seed", "count");
  for (const auto& [key, value] : line.items())
    if (names_of_loading().contains(key))
      throw FileError(
          key + " is of the model, which is loaded once for all lines; it belongs on the command line", key);
}

void read_object(std::string_view text, GenerateOptions& options) {
  const nlohmann::json json = parse_json_object(text, "it begins with a brace");
  check_keys(json);
  if (options.prompt.empty() && json.value("prompt", nlohmann::json()).is_null())
    throw FileError(R"(it has no "prompt"; an empty one is {"prompt": ""})", "prompt");
  options_from_json(json, options);
}

}  // namespace

std::string read_prompt_file(const std::filesystem::path& path) {
  return read_whole_file(path, kLargestPromptFile);
}

PromptLines::PromptLines(std::string text, std::string name)
    : text_(std::move(text)), name_(std::move(name)) {
  if (text_.size() > kLargestPromptFile)
    throw FileError(name_ + " has " + std::to_string(text_.size()) + " bytes; a file of prompts may have " +
                        std::to_string(kLargestPromptFile),
                    {}, name_);
  std::string_view rest = text_;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  for (std::int64_t number = 0; !rest.empty(); ++number) {
    if (number == kMostLines)
      throw FileError(
          name_ + " has more than " + std::to_string(kMostLines) + " lines; as several files it can be drawn",
          {}, name_);
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (first_character(line) != '\0') lines_.push_back({number, line});
  }
  if (lines_.empty()) throw FileError(name_ + " holds no prompt", {}, name_);
}

std::string PromptLines::place_of(const Line& line) const {
  return name_ + ", line " + std::to_string(line.number + 1);
}

GenerateOptions PromptLines::options(const Line& line, const GenerateOptions& base) const {
  GenerateOptions options = base;
  options.seed += static_cast<std::uint64_t>(line.number);
  try {
    check_text(line.text);
    if (first_character(line.text) == '{')
      read_object(line.text, options);
    else
      options.prompt = line.text;
  } catch (const Error& error) {
    throw FileError(place_of(line) + ": " + error.what(), error.option(), name_);
  }
  return options;
}

}  // namespace sd35
