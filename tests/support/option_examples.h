// Values of options for tests that go through all of them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "options/options.h"

namespace sd35 {

// Option::example as JSON.
inline nlohmann::json example_of(const Option& option) {
  const nlohmann::json value = nlohmann::json::parse(option.example, nullptr, false);
  return value.is_discarded() ? nlohmann::json(option.example) : value;
}

// {"seed": 7}, {"skip_layer_guidance": {"scale": 5}}
inline nlohmann::json object_with(const Option& option, const nlohmann::json& value) {
  const std::string name(option.name);
  const std::size_t point = name.find('.');
  if (point == name.npos) return {{name, value}};
  return {{name.substr(0, point), {{name.substr(point + 1), value}}}};
}

}  // namespace sd35
