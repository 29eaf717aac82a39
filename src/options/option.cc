#include "options/option.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace sd35 {

std::string shortest(double value) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

std::string arguments_of(const Option& option) {
  if (!option.arguments.empty()) return std::string(option.arguments);
  std::string name = "--" + std::string(option.name);
  std::ranges::replace(name, '_', '-');
  return name;
}

std::string long_argument_of(const Option& option) {
  const std::string names = arguments_of(option);
  return names.substr(names.find("--"));
}

std::string choices_of(const Option& option) {
  std::string text;
  for (std::size_t i = 0; i < option.choices.size(); ++i) {
    const OptionChoice& choice = option.choices[i];
    if (i > 0) text += i + 1 == option.choices.size() ? " or " : ", ";
    text += choice.name;
    if (!choice.note.empty()) text += " (" + std::string(choice.note) + ")";
  }
  return text;
}

std::string range_of(const Option& option) {
  const NumberRange& range = option.range;
  if (range.has_least() && range.has_most())
    return shortest(range.least) + " to " + shortest(range.most) +
           (option.zero.empty() ? "" : ", or " + std::string(option.zero) + " (0)");
  if (range.has_least()) return shortest(range.least) + " or more";
  return range.has_most() ? shortest(range.most) + " or less" : "";
}

std::string full_help(const Option& option) {
  std::string help(option.help);
  if (!option.choices.empty()) help += ": " + choices_of(option);
  if (option.range.has_least() && option.range.has_most()) help += "; " + range_of(option);
  if (!option.unset.empty()) help += "; default: " + std::string(option.unset);
  return help;
}

}  // namespace sd35
