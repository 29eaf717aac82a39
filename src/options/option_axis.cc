#include "options/option_axis.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>

#include "core/error.h"
#include "core/messages.h"
#include "options/option_json.h"
#include "options/options.h"

namespace sd35 {
namespace {

template <class T>
struct Held : std::type_identity<T> {};
template <class T>
struct Held<std::optional<T>> : std::type_identity<T> {};

// Sheets have pictures of one size, each its own.
bool is_axis_of_sheets(const Option& option) {
  constexpr std::array<std::string_view, 3> kOfTheSheet{"width", "height", "count"};
  return option.recorded && std::ranges::find(kOfTheSheet, option.name) == kOfTheSheet.end();
}

template <class T>
bool is_single_value(const Option& option) {
  return std::is_arithmetic_v<T> || (std::is_same_v<T, std::string> && !option.choices.empty());
}

struct Names {
  std::string of_field;
  std::string of_argument;  // "guidance-scale"
};

std::vector<Names> possible_axes() {
  std::vector<Names> axes;
  visit_defaults<GenerateOptions>([&]<class T>(const Option& option, const T& /*value*/) {
    if (is_axis_of_sheets(option) && is_single_value<typename Held<T>::type>(option))
      axes.push_back({std::string(option.name), long_argument_of(option).substr(2)});
  });
  return axes;
}

std::string option_named(std::string_view name) {
  const std::vector<Names> axes = possible_axes();
  // Of a pair of numbers each has a name of its own only as a field.
  const auto is_shared = [&](const Names& axis) {
    return std::ranges::count(axes, axis.of_argument, &Names::of_argument) > 1;
  };
  std::string known;
  for (const Names& axis : axes) {
    if (axis.of_field == name || (!is_shared(axis) && axis.of_argument == name)) return axis.of_field;
    known += (known.empty() ? "" : ", ") + (is_shared(axis) ? axis.of_field : axis.of_argument);
  }
  throw ArgumentError("a sheet cannot go through " + in_quotes(name) + "; it can through " + known);
}

// What a person writes for 0 of an option: Option::zero.
std::string word_for_zero(std::string_view option_name) {
  std::string word;
  visit_defaults<GenerateOptions>([&](const Option& option, const auto& /*value*/) {
    if (option.name == option_name) word = option.zero;
  });
  return word;
}

// Numbers and words as people write them.
nlohmann::json value_of(const std::string& option, const std::string& text) {
  if (!text.empty() && text == word_for_zero(option)) return 0;
  nlohmann::json value = nlohmann::json::parse(text, nullptr, false);
  return value.is_discarded() || value.is_structured() ? nlohmann::json(text) : value;
}

}  // namespace

GenerateOptions OptionAxis::applied(GenerateOptions options, std::size_t index) const {
  const nlohmann::json value = value_of(option, values.at(index));
  const std::size_t point = option.find('.');
  nlohmann::json json;
  if (point == option.npos)
    json[option] = value;
  else
    json[option.substr(0, point)][option.substr(point + 1)] = value;
  options_from_json(json, options);
  return options;
}

std::string OptionAxis::description() const {
  std::string text = option;
  for (const std::string& value : values) text += (&value == &values.front() ? " " : ", ") + value;
  return text;
}

OptionAxis option_axis_from_text(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == text.npos)
    throw ArgumentError(in_quotes(text) + " is not an option with its values, as in guidance-scale=3,4.5,6");
  const std::string_view name = text.substr(0, equals);
  OptionAxis axis{option_named(name == "guidance" ? "guidance_scale" : name), {}};
  std::string_view rest = text.substr(equals + 1);
  for (bool more = true; more;) {
    const std::size_t comma = rest.find(',');
    more = comma != rest.npos;
    axis.values.emplace_back(rest.substr(0, comma));
    if (more) rest.remove_prefix(comma + 1);
    if (axis.values.back().empty())
      throw ArgumentError(in_quotes(text) + ": a value is missing, as in guidance-scale=3,4.5,6");
    axis.applied({}, axis.values.size() - 1);  // refuses what cannot be
  }
  return axis;
}

}  // namespace sd35
