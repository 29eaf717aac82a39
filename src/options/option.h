// What is known of an option besides its type.
#pragma once

#include <cfloat>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sd35 {

// Of a number, both ends included. All numbers must be finite in 32 bits, because that is what is computed
// with.
struct NumberRange {
  double least = -FLT_MAX, most = FLT_MAX;

  bool has_least() const { return least > -FLT_MAX; }
  bool has_most() const { return most < FLT_MAX; }
};

// A word that the value may be.
struct OptionChoice {
  std::string_view name;
  std::string_view note = {};  // for a person who chooses
};

// What is parsed in its own way when a person types it.
enum class OptionKind : std::uint8_t {
  plain,
  text,   // written by people: a prompt
  bytes,  // "4GB"
  file,
  folder,
};

// What another value changes: the bytes of a picture, how it is made,
// or what its file says.
enum OptionEffect : unsigned { kOnPicture = 1, kOnMemory = 2, kOnSpeed = 4, kOnFile = 8 };

struct Option {
  // Of the field, and the key in JSON. A point stands between a field and its fields:
  // "skip_layer_guidance.start".
  std::string_view name;
  // Names on the command line, as in "-W,--width"; empty: --name with dashes. A flag gives the opposite of
  // the default. Two neighbours with the same name are two numbers with a comma, and the help of the first is
  // that of both.
  std::string_view arguments = {};
  std::string_view help;        // what it is and when to change it, without what follows here
  std::string_view group = {};  // title of a few that belong together
  std::vector<OptionChoice> choices = {};
  // Throws ArgumentError for what `choices` do not name in any spelling; null: everything is accepted.
  void (*check)(std::string_view value) = nullptr;
  NumberRange range = {};
  // What a person writes for 0, which is allowed beside the range and stands for something else: "auto".
  std::string_view zero = {};
  // What is used if the option is unset; empty: it has a default. If the type is not a std::optional, an
  // empty text, or 0, means unset.
  std::string_view unset = {};
  // Its key in `defaults` of a model's sd35.json; empty: models do not choose it.
  std::string_view model_key = {};
  std::string_view example = {};  // a value that is not the default, in the words of a recipe
  OptionKind kind = OptionKind::plain;
  unsigned effects = kOnPicture;  // OptionEffect
  // Whether the recipe of a picture holds it: false for what concerns only this machine.
  bool recorded = true;
  std::string_view since = "0.1.0";  // the version of sd35 that had it first
};

// Whether nobody has chosen a value: std::nullopt, or an empty text or 0 where that means unset.
template <class T>
bool is_unset(const Option& option, const T& value) {
  return !option.unset.empty() && value == T{};
}

// 1000, 0.01
std::string shortest(double value);
// "-W,--width": Option::arguments, or made from the name.
std::string arguments_of(const Option& option);
// The longest of them: "--width".
std::string long_argument_of(const Option& option);
// "euler, heun or dpm++2m", "int8 (the fastest), nf4 or none"; empty: the option has no choices.
std::string choices_of(const Option& option);
// "1 to 1000", "0 or more"; empty: any finite number.
std::string range_of(const Option& option);
// Help, choices, a range with two ends, and what is used if it is unset.
std::string full_help(const Option& option);

}  // namespace sd35
