// Bodies of JSON, read as hostile input.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "serving/request_error.h"

namespace sd35::serving {

using JsonIn = nlohmann::json;           // what clients send
using JsonOut = nlohmann::ordered_json;  // what they get

// An object; no deeper than 16. Throws RequestError.
JsonIn parse_body(const std::string& body);

// As one line; what is not UTF-8 is replaced.
std::string to_line(const JsonOut& json);

// Fields of an object. Missing and null are nothing; each throws RequestError for a value of another type or
// out of range.
std::optional<std::string> text_field(const JsonIn& object, const char* name);
std::optional<bool> bool_field(const JsonIn& object, const char* name);
std::optional<double> number_field(const JsonIn& object, const char* name, double least, double most);
// A whole number; 24.0 is one.
std::optional<std::int64_t> integer_field(const JsonIn& object, const char* name, std::int64_t least,
                                          std::int64_t most);

// Of a value that is not as it must be: "width is 'abc'; it must be a number".
[[noreturn]] void refuse_value(const std::string& name, const JsonIn& value, const std::string& wanted);

}  // namespace sd35::serving
