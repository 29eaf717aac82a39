// The options that pictures of a report were drawn with: written into it, read again, and compared.
// options/options.h says which there are.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "sd35/sd35.h"

namespace sd35 {

struct DrawnWith {
  LoadOptions load;
  GenerateOptions generate;
};

// {"load": {...}, "generate": {...}}, each with what influences pictures and is not the default.
nlohmann::ordered_json drawn_with_json(const DrawnWith& with);
// The inverse. Throws what options_from_json() throws, nlohmann's exceptions if one of the two is missing.
DrawnWith drawn_with_from_json(const nlohmann::json& json);

// The same by path, such as "generate.num_inference_steps", as text for a person.
std::map<std::string, std::string> chosen_options(const DrawnWith& with);
// "generate.num_inference_steps 1 instead of 2; load.dtype 'f32' instead of the default", the first few;
// empty: they are the same.
std::string differences(const DrawnWith& with, const DrawnWith& reference);

}  // namespace sd35
