// Models and pictures as files.
#include "c_api/handles.h"
#include "core/config_file.h"
#include "core/messages.h"
#include "options/option_json.h"
#include "options/options.h"

namespace sd35::c_api {
namespace {

using Json = nlohmann::json;

// The options of a function in an object. Each take() removes one; finish() refuses what is left.
class Fields {
 public:
  explicit Fields(const char* object)
      : left_(object == nullptr ? Json::object() : parse_json_object(object, {"the options"})) {}

  void take(const char* name, std::string& value) {
    if (const Json given = taken(name); !given.is_null()) value = text(name, given);
  }
  void take(const char* name, std::filesystem::path& value) {
    std::string path;
    take(name, path);
    if (!path.empty()) value = path;
  }
  void take(const char* name, std::uint64_t& value) {
    const Json given = taken(name);
    if (given.is_null()) return;
    if (!given.is_number_unsigned())
      throw ArgumentError(std::string(name) + " is not a whole number from 0", name);
    value = given.get<std::uint64_t>();
  }
  void take(const char* name, std::vector<std::string>& values) {
    const Json given = taken(name);
    if (given.is_null()) return;
    if (!given.is_array()) throw ArgumentError(std::string(name) + " is not a list", name);
    for (const Json& value : given) values.push_back(text(name, value));
  }
  void finish() const {
    if (!left_.empty())
      throw ArgumentError("there is no option " + in_quotes(left_.begin().key()), left_.begin().key());
  }

 private:
  Json taken(const char* name) {
    Json given = left_.value(name, Json());
    left_.erase(name);
    return given;
  }
  static std::string text(const char* name, const Json& value) {
    if (!value.is_string()) throw ArgumentError(std::string(name) + " is not a text", name);
    return value.get<std::string>();
  }

  Json left_;
};

}  // namespace
}  // namespace sd35::c_api

namespace c_api = sd35::c_api;

sd35_status sd35_read_recipe(const char* picture, sd35_buffer** json) {
  if (json != nullptr) *json = nullptr;
  return c_api::guarded([&] {
    c_api::require(picture, "picture");
    c_api::require(json, "json");
    const sd35::Recipe recipe = sd35::read_recipe(picture);
    const nlohmann::ordered_json all{
        {"model", recipe.model},
        {"model_hash", recipe.model_hash},
        {"load", sd35::options_to_json(recipe.load, sd35::JsonOptions::recorded)},
        {"generate", sd35::options_to_json(recipe.generate, sd35::JsonOptions::recorded)},
        {"left_out", recipe.left_out}};
    c_api::hand_over_text(all.dump(-1, ' ', true, nlohmann::ordered_json::error_handler_t::replace), json);
  });
}

sd35_status sd35_inspect(const char* model, int tensors, sd35_buffer** json) {
  if (json != nullptr) *json = nullptr;
  return c_api::guarded([&] {
    c_api::require(model, "model");
    c_api::require(json, "json");
    c_api::hand_over_text(sd35::inspect(model, true, tensors != 0), json);
  });
}

sd35_status sd35_convert(const char* input, const char* output, const char* options,
                         const sd35_callbacks* callbacks) {
  return c_api::guarded([&] {
    c_api::require(input, "input");
    c_api::require(output, "output");
    c_api::Fields fields(options);
    sd35::ConvertOptions convert;
    fields.take("type", convert.type);
    fields.take("layout", convert.layout);
    fields.take("components", convert.components);
    sd35::visit_options(convert.parts, [&](const sd35::Option& option, std::filesystem::path& part) {
      fields.take(std::string(option.name).c_str(), part);
    });
    fields.finish();
    sd35::convert(input, output, convert, c_api::callbacks_of(callbacks, nullptr));
  });
}

sd35_status sd35_make_random_model(const char* output, const char* options, const sd35_callbacks* callbacks) {
  return c_api::guarded([&] {
    c_api::require(output, "output");
    c_api::Fields fields(options);
    sd35::RandomModelOptions random;
    fields.take("like", random.like);
    fields.take("size", random.size);
    fields.take("layout", random.layout);
    fields.take("dtype", random.dtype);
    fields.take("seed", random.seed);
    fields.finish();
    sd35::make_random_model(random, output, c_api::callbacks_of(callbacks, nullptr));
  });
}
