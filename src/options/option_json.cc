#include "options/option_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/messages.h"
#include "options/check_values.h"
#include "options/options.h"

namespace sd35 {
namespace {

using Json = nlohmann::ordered_json;

// "skip_layer_guidance.start" -> {"skip_layer_guidance", "start"}; the first is empty if there is no point.
std::pair<std::string, std::string> field_of(std::string_view name) {
  const std::size_t point = name.find('.');
  if (point == name.npos) return {"", std::string(name)};
  return {std::string(name.substr(0, point)), std::string(name.substr(point + 1))};
}

template <class T>
Json to_json(const T& value) {
  return value;
}

template <class T>
Json to_json(const std::optional<T>& value) {
  return value ? to_json(*value) : Json();
}

Json to_json(const std::filesystem::path& value) { return value.string(); }

Json to_json(const std::vector<LoraOptions>& loras) {
  Json json = Json::array();
  for (const LoraOptions& lora : loras)
    json.push_back({{"path", lora.path.string()}, {"weight", lora.weight}});
  return json;
}

template <class Options>
Json written(const Options& options, JsonOptions which) {
  const Json standard = which == JsonOptions::chosen ? written(Options(), JsonOptions::recorded) : Json();
  Json json = Json::object();
  visit_options(options, [&]<class T>(const Option& option, const T& value) {
    if (is_unset(option, value) || (which != JsonOptions::all && !option.recorded)) return;
    const auto [outer, field] = field_of(option.name);
    const Json as_json = to_json(value);
    const Json among = outer.empty() || standard.is_null() ? standard : standard.value(outer, Json());
    if (among.contains(field) && among.at(field) == as_json) return;
    (outer.empty() ? json : json[outer])[field] = as_json;
  });
  return json;
}

// A value in a message: short, on one line.
std::string shown(const nlohmann::json& value) {
  if (value.is_structured()) return value.is_object() ? "an object" : "a list";
  return value.is_string() ? in_quotes(value.get_ref<const std::string&>()) : value.dump();
}

[[noreturn]] void fail(std::string_view name, const nlohmann::json& value, const std::string& wanted) {
  throw ArgumentError(std::string(name) + " is " + shown(value) + "; it must be " + wanted, name);
}

void read(std::string_view name, const nlohmann::json& json, bool& value) {
  if (!json.is_boolean()) fail(name, json, "true or false");
  value = json.get<bool>();
}

// 24.0 counts as whole.
void read(std::string_view name, const nlohmann::json& json, int& value) {
  const double number = json.is_number() ? json.get<double>() : NAN;
  if (!(number >= INT32_MIN && number <= INT32_MAX && std::trunc(number) == number))
    fail(name, json, "a whole number of 32 bits");
  value = static_cast<int>(number);
}

// The upper half of the seeds is beyond what a double holds exactly.
void read(std::string_view name, const nlohmann::json& json, std::uint64_t& value) {
  if (!json.is_number_unsigned()) fail(name, json, "a whole number from 0");
  value = json.get<std::uint64_t>();
}

void read(std::string_view name, const nlohmann::json& json, double& value) {
  if (!json.is_number()) fail(name, json, "a number");
  value = json.get<double>();
}

void read(std::string_view name, const nlohmann::json& json, std::string& value) {
  if (!json.is_string()) fail(name, json, "a text");
  value = json.get<std::string>();
  if (value.find('\0') != value.npos) throw ArgumentError(std::string(name) + " holds a NUL character", name);
}

void read(std::string_view name, const nlohmann::json& json, std::filesystem::path& value) {
  std::string text;
  read(name, json, text);
  value = text;
}

void read(std::string_view name, const nlohmann::json& json, LoraOptions& lora) {
  if (!json.is_object() || !json.contains("path"))
    fail(name, json, R"(a list of objects, as in [{"path": "lora.safetensors", "weight": 0.8}])");
  for (const auto& [key, value] : json.items()) {
    const std::string field = std::string(name) + "." + key;
    if (key == "path")
      read(field, value, lora.path);
    else if (key == "weight")
      read(field, value, lora.weight);
    else
      throw ArgumentError("there is no " + in_quotes(field) + "; each of the " + std::string(name) +
                              " has a path and a weight",
                          field);
  }
}

template <class T>
void read(std::string_view name, const nlohmann::json& json, std::vector<T>& values) {
  if (!json.is_array()) fail(name, json, "a list");
  values.assign(json.size(), {});
  for (std::size_t i = 0; i < json.size(); ++i) read(name, json[i], values[i]);
}

template <class T>
void read(std::string_view name, const nlohmann::json& json, std::optional<T>& value) {
  read(name, json, value.emplace());
}

// Takes each option's value out of a JSON object.
class Reader {
 public:
  explicit Reader(nlohmann::json json) : left_(std::move(json)) {
    if (!left_.is_object()) throw ArgumentError("options are an object, not " + shown(left_));
  }

  template <class T>
  void operator()(const Option& option, T& value) {
    known_ += (known_.empty() ? "" : ", ") + std::string(option.name);
    const nlohmann::json given = take(option.name);
    if (given.is_null()) return;
    read(option.name, given, value);
    check_value(option, value);
  }

  // Throws for keys that no option took.
  void finish() const {
    for (const auto& [key, value] : left_.items()) {
      if (!outer_.contains(key)) fail_unknown(key);
      if (value.is_object() && !value.empty()) fail_unknown(key + "." + value.begin().key());
    }
  }

 private:
  nlohmann::json take(std::string_view name) {
    const auto [outer, field] = field_of(name);
    nlohmann::json* object = &left_;
    if (!outer.empty()) {
      outer_.insert(outer);
      const auto found = left_.find(outer);
      if (found == left_.end() || found->is_null()) return nullptr;
      if (!found->is_object()) fail(outer, *found, "an object");
      object = &*found;
    }
    const auto found = object->find(field);
    if (found == object->end()) return nullptr;
    nlohmann::json value = std::move(*found);
    object->erase(found);
    return value;
  }

  [[noreturn]] void fail_unknown(const std::string& key) const {
    throw ArgumentError("there is no option " + in_quotes(key) + "; there are " + known_, key);
  }

  nlohmann::json left_;
  std::set<std::string> outer_;  // fields that have fields
  std::string known_;
};

template <class Options>
void read_options(const nlohmann::json& json, Options& options) {
  Reader reader(json);
  visit_options(options, reader);
  reader.finish();
}

}  // namespace

Json options_to_json(const LoadOptions& options, JsonOptions which) { return written(options, which); }
Json options_to_json(const GenerateOptions& options, JsonOptions which) { return written(options, which); }

void options_from_json(const nlohmann::json& json, LoadOptions& options) { read_options(json, options); }
void options_from_json(const nlohmann::json& json, GenerateOptions& options) { read_options(json, options); }

}  // namespace sd35
