// Options as JSON: in recipes, and for programs that ask for pictures in this form.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>

#include "sd35/sd35.h"

namespace sd35 {

enum class JsonOptions : std::uint8_t {
  all,
  recorded,  // those that a recipe holds
  chosen,    // of these, those that are not the default
};

// An object of the options' names and values, without those that are unset. Texts may be other than UTF-8.
nlohmann::ordered_json options_to_json(const LoadOptions& options, JsonOptions which = JsonOptions::all);
nlohmann::ordered_json options_to_json(const GenerateOptions& options, JsonOptions which = JsonOptions::all);

// Sets the options that `json` names; what is missing or null stays as it is. Throws ArgumentError whose
// option() is the key, for an option that does not exist, a value of another type, and one that check_value()
// refuses.
void options_from_json(const nlohmann::json& json, LoadOptions& options);
void options_from_json(const nlohmann::json& json, GenerateOptions& options);

}  // namespace sd35
