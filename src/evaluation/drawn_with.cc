#include "evaluation/drawn_with.h"

#include <nlohmann/json.hpp>

#include "core/messages.h"
#include "options/option_json.h"

namespace sd35 {
namespace {

using Json = nlohmann::ordered_json;
using ChosenOptions = std::map<std::string, Json>;  // by place

void add_chosen(const Json& json, const std::string& place, ChosenOptions& all) {
  for (const auto& [key, value] : json.items())
    if (value.is_object())
      add_chosen(value, place + key + ".", all);
    else
      all[place + key] = value;
}

ChosenOptions chosen_in(const DrawnWith& with) {
  ChosenOptions all;
  add_chosen(drawn_with_json(with), "", all);
  return all;
}

// Short and on one line, whatever the report holds. Null: the default.
std::string shown_value(const Json& value) {
  if (value.is_null()) return "the default";
  if (value.is_string()) return in_quotes(value.get_ref<const std::string&>());
  const std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return value.is_structured() ? in_quotes(text) : text;
}

}  // namespace

Json drawn_with_json(const DrawnWith& with) {
  return {{"load", options_to_json(with.load, JsonOptions::chosen)},
          {"generate", options_to_json(with.generate, JsonOptions::chosen)}};
}

DrawnWith drawn_with_from_json(const nlohmann::json& json) {
  DrawnWith with;
  options_from_json(json.at("load"), with.load);
  options_from_json(json.at("generate"), with.generate);
  return with;
}

std::map<std::string, std::string> chosen_options(const DrawnWith& with) {
  std::map<std::string, std::string> shown;
  for (const auto& [place, value] : chosen_in(with)) shown[place] = shown_value(value);
  return shown;
}

std::string differences(const DrawnWith& with, const DrawnWith& reference) {
  ChosenOptions here = chosen_in(with), there = chosen_in(reference);
  for (const auto& [place, unused] : there) here[place];  // null if it is not chosen
  ProblemList different;
  for (const auto& [place, value] : here)
    if (value != there[place])
      different.add(place + " " + shown_value(value) + " instead of " + shown_value(there[place]));
  return different.text();
}

}  // namespace sd35
