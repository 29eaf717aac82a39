// docs/options.md is what the table of options says. After a change of the table:
//   SD35_WRITE_DOCS=1 build/tests/unit_options_test --gtest_filter=OptionsPage*
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "options/option_json.h"
#include "options/options.h"
#include "tests/support/file_bytes.h"

namespace sd35 {
namespace {

constexpr const char* kIntroduction = R"(# Options

Every option of loading a model and of drawing: as a field of `sd35::LoadOptions` and `sd35::GenerateOptions`, as a key of JSON (in
recipes and reports), and on the command line of `sd35 generate`, which differs in one default: without `--seed` it takes a new one each
time. `sd35 evaluate` has all but the prompt and
the number of pictures, `sd35 convert` those of parts and weights. A point stands between a field and its fields.

If several choose an option, the first of these wins: the caller (the command line, a program), a recipe (`--from-image`), the
model's folder (`defaults` of its [`sd35.json`](weights.md#what-is-written)), sd35. What does not change pictures leaves every byte as
it is. All options exist since 0.1.0 unless stated otherwise.

A file of prompts (`sd35 generate --prompts FILE -o FOLDER`) is UTF-8, a picture a line. A line that begins with a brace is a JSON
object with any of the names under `GenerateOptions` but `count`; any other line is the prompt, all of it. What a line does not say is
as the command line has it. Lines are counted from 0, blank ones too, which draw nothing: the line 123 becomes `000123.png`, from the
seed of `--seed` (here 0 by default) plus 123. A file of that name is not drawn again, whatever it shows. All lines are checked before the
first is drawn. There may be a million, each up to 1 MiB, and 64 MB in all.

```
a red cube
{"prompt": "a blue cube", "seed": 7, "num_inference_steps": 20, "skip_layer_guidance": {"layers": [7, 8, 9]}}
```
)";

std::string type_of(bool) { return "true or false"; }
std::string type_of(int) { return "a whole number"; }
std::string type_of(std::uint64_t) { return "a whole number from 0"; }
std::string type_of(double) { return "a number"; }
std::string type_of(const std::string&) { return "a text"; }
std::string type_of(const std::filesystem::path&) { return "a path"; }
std::string type_of(const std::vector<int>&) { return "a list of whole numbers"; }
std::string type_of(const std::vector<double>&) { return "a list of numbers"; }
std::string type_of(const std::vector<LoraOptions>&) { return "a list of objects with `path` and `weight`"; }
template <class T>
std::string type_of(const std::optional<T>&) {
  return type_of(T{});
}

template <class T>
std::string default_of(const Option& option, const T& value) {
  if (!option.unset.empty()) return std::string(option.unset);
  if constexpr (std::is_same_v<T, double>) return "`" + shortest(value) + "`";
  if constexpr (std::is_same_v<T, std::string>) return value.empty() ? "empty" : "`" + value + "`";
  if constexpr (std::is_same_v<T, bool>) return value ? "`true`" : "`false`";
  if constexpr (std::is_integral_v<T>) return "`" + std::to_string(value) + "`";
  return "";
}

std::string effects_of(const Option& option) {
  std::string text;
  const auto add = [&](OptionEffect effect, const char* word) {
    if ((option.effects & effect) != 0) text += (text.empty() ? "" : ", ") + std::string(word);
  };
  add(kOnPicture, "picture");
  add(kOnMemory, "memory");
  add(kOnSpeed, "speed");
  add(kOnFile, "file");
  return text;
}

std::string code(std::string_view text) { return "`" + std::string(text) + "`"; }

template <class T>
std::string row(const Option& option, const T& standard) {
  std::string values = option.choices.empty() ? type_of(standard) : choices_of(option);
  if (const std::string range = range_of(option); !range.empty()) values += ", " + range;
  std::string help(option.help);
  if constexpr (std::is_same_v<T, bool>) help = (standard ? "`false`: " : "`true`: ") + help;
  if (option.since != "0.1.0") help += " (since " + std::string(option.since) + ")";
  return "| " + code(option.name) + " | " + code(arguments_of(option)) + " | " + values + " | " +
         default_of(option, standard) + " | " + code(option.example) + " | " + effects_of(option) + " | " +
         help + " |\n";
}

template <class Options>
std::string section(const std::string& title) {
  std::string text = "\n## " + title + "\n", group;
  visit_defaults<Options>([&](const Option& option, const auto& standard) {
    if (option.group != group) {
      group = option.group;
      text += "\n### " + group +
              "\n\n| name | command line | values | default | for example | changes | what it is |\n"
              "| --- | --- | --- | --- | --- | --- | --- |\n";
    }
    text += row(option, standard);
  });
  return text;
}

TEST(OptionsPageTest, SaysWhatTheTableSays) {
  const std::filesystem::path path = std::filesystem::path(SD35_SOURCE_DIR) / "docs" / "options.md";
  const std::string page = kIntroduction +
                           section<GenerateOptions>("What is drawn, and how: `GenerateOptions`") +
                           section<LoadOptions>("With what: `LoadOptions`");
  if (std::getenv("SD35_WRITE_DOCS") != nullptr) put_file(path, page);
  EXPECT_EQ(file_bytes(path), page) << "write it again; the first lines of this file say how";
}

}  // namespace
}  // namespace sd35
