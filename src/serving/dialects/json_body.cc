#include "serving/dialects/json_body.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "core/messages.h"

namespace sd35::serving {
namespace {

constexpr int kMostDepth = 16;

const JsonIn* field_of(const JsonIn& object, const char* name) {
  const auto found = object.find(name);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace

JsonIn parse_body(const std::string& body) {
  JsonIn json;
  try {
    json = JsonIn::parse(body, [](int depth, JsonIn::parse_event_t, JsonIn&) {
      if (depth > kMostDepth)
        throw RequestError(400, "invalid_json", "the body is deeper than 16 levels of JSON");
      return true;
    });
  } catch (const JsonIn::exception&) {
    throw RequestError(400, "invalid_json", "the body is not valid JSON in UTF-8");
  }
  if (!json.is_object()) throw RequestError(400, "invalid_json", "the body must be an object of JSON");
  return json;
}

std::string to_line(const JsonOut& json) {
  return json.dump(-1, ' ', false, JsonOut::error_handler_t::replace);
}

void refuse_value(const std::string& name, const JsonIn& value, const std::string& wanted) {
  const std::string shown = value.is_object()   ? "an object"
                            : value.is_array()  ? "a list"
                            : value.is_string() ? in_quotes(value.get_ref<const std::string&>())
                                                : value.dump();
  throw RequestError(400, "invalid_value", name + " is " + shown + "; it must be " + wanted, name);
}

std::optional<std::string> text_field(const JsonIn& object, const char* name) {
  const JsonIn* value = field_of(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_string()) refuse_value(name, *value, "a text");
  return value->get<std::string>();
}

std::optional<bool> bool_field(const JsonIn& object, const char* name) {
  const JsonIn* value = field_of(object, name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_boolean()) refuse_value(name, *value, "true or false");
  return value->get<bool>();
}

std::optional<double> number_field(const JsonIn& object, const char* name, double least, double most) {
  const JsonIn* value = field_of(object, name);
  if (value == nullptr) return std::nullopt;
  const double number = value->is_number() ? value->get<double>() : NAN;
  if (!(number >= least && number <= most))
    refuse_value(name, *value, "a number from " + JsonIn(least).dump() + " to " + JsonIn(most).dump());
  return number;
}

std::optional<std::int64_t> integer_field(const JsonIn& object, const char* name, std::int64_t least,
                                          std::int64_t most) {
  const JsonIn* value = field_of(object, name);
  if (value == nullptr) return std::nullopt;
  const auto refuse = [&] {
    refuse_value(name, *value,
                 "a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  };
  std::int64_t number = 0;
  if (value->is_number_unsigned()) {
    const auto large = value->get<std::uint64_t>();
    if (large > static_cast<std::uint64_t>(INT64_MAX)) refuse();
    number = static_cast<std::int64_t>(large);
  } else if (value->is_number_integer()) {
    number = value->get<std::int64_t>();
  } else {
    const double real = value->is_number() ? value->get<double>() : NAN;
    if (!(std::abs(real) < 9e15 && std::trunc(real) == real)) refuse();
    number = static_cast<std::int64_t>(real);
  }
  if (number < least || number > most) refuse();
  return number;
}

}  // namespace sd35::serving
