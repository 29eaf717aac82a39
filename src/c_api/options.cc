#include "options/options.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "c_api/handles.h"
#include "core/config_file.h"
#include "core/messages.h"
#include "core/similar_names.h"
#include "options/option_json.h"

namespace sd35::c_api {
namespace {

using Json = nlohmann::json;

template <class Options>
const std::vector<std::string>& names_of() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    visit_defaults<Options>([&](const Option& option, const auto&) { names.emplace_back(option.name); });
    return names;
  }();
  return kNames;
}

// Whether one of `names` is `name`, or a field of it.
bool holds(const std::vector<std::string>& names, const std::string& name) {
  return std::ranges::any_of(names, [&](const std::string& known) {
    return known == name || (known.starts_with(name) && known[name.size()] == '.');
  });
}

[[noreturn]] void fail_unknown(const std::string& name) {
  std::vector<std::string> all = names_of<GenerateOptions>();
  all.insert(all.end(), names_of<LoadOptions>().begin(), names_of<LoadOptions>().end());
  throw ArgumentError("there is no option " + in_quotes(name) + did_you_mean(name, all), name);
}

template <class Options>
void check(const Json& json) {
  Options options;
  options_from_json(json, options);
}

// {"a": {"b": value}} for "a.b".
Json nested(const std::string& name, Json value) {
  const std::size_t point = name.find('.');
  Json json = Json::object();
  if (point == name.npos)
    json[name] = std::move(value);
  else
    json[name.substr(0, point)][name.substr(point + 1)] = std::move(value);
  return json;
}

void set(sd35_options& options, const Json& given) {
  if (!given.is_object()) throw ArgumentError("options are an object, as in {\"prompt\": \"a cat\"}");
  Json load = options.load, generate = options.generate;
  for (const auto& [key, value] : given.items()) {
    const bool of_load = holds(names_of<LoadOptions>(), key),
               of_generate = holds(names_of<GenerateOptions>(), key);
    if (!of_load && !of_generate) fail_unknown(key);
    if (of_load) load.merge_patch({{key, value}});
    if (of_generate) generate.merge_patch({{key, value}});
  }
  check<LoadOptions>(load);
  check<GenerateOptions>(generate);
  options.load = std::move(load);
  options.generate = std::move(generate);
}

template <class Value>
sd35_status set_value(sd35_options* options, const char* name, const Value& value) {
  return guarded([&] {
    require(options, "options");
    require(name, "name");
    set(*options, nested(name, value));
  });
}

// The option of a picture that goes in.
InputPicture* picture_of(GenerateOptions& options, std::string_view name) {
  if (name == "init.picture") return &options.init.picture;
  if (name == "edit") return &options.edit;
  if (name == "inpaint.mask") return &options.inpaint.mask;
  return nullptr;
}

// Rows of `channels` bytes a pixel, as red, green and blue.
std::shared_ptr<const Picture> copied(const std::uint8_t* rows, int width, int height, std::size_t stride,
                                      std::size_t channels) {
  require(rows, "the picture");
  constexpr int kMostSide = 1 << 15;
  if (width < 1 || height < 1 || width > kMostSide || height > kMostSide)
    throw ArgumentError("a picture of " + std::to_string(width) + " x " + std::to_string(height) +
                        "; each side must be 1 to " + std::to_string(kMostSide));
  const std::size_t row = channels * static_cast<std::size_t>(width);
  if (stride != 0 && stride < row)
    throw ArgumentError("rows are " + std::to_string(stride) + " bytes apart, and have " +
                        std::to_string(row));
  auto picture = std::make_shared<Picture>(Picture{width, height, {}, {}});
  picture->rgb.reserve(3 * static_cast<std::size_t>(width) * static_cast<std::size_t>(height));
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* from = rows + static_cast<std::size_t>(y) * (stride == 0 ? row : stride);
    for (int x = 0; x < width; ++x, from += channels)
      for (std::size_t c = 0; c < 3; ++c) picture->rgb.push_back(from[channels == 3 ? c : 0]);
  }
  return picture;
}

sd35_status set_picture(sd35_options* options, const char* name, const std::uint8_t* rows, int width,
                        int height, std::size_t stride, std::size_t channels) {
  return guarded([&] {
    require(options, "options");
    require(name, "name");
    GenerateOptions unused;
    if (picture_of(unused, name) == nullptr)
      throw ArgumentError(
          in_quotes(name) + " is not the option of a picture: init.picture, edit, inpaint.mask are", name);
    options->pictures[name] = copied(rows, width, height, stride, channels);
  });
}

template <class T>
constexpr std::string_view type_name() {
  if constexpr (std::is_same_v<T, bool>) return "boolean";
  if constexpr (std::is_integral_v<T>) return "integer";
  if constexpr (std::is_floating_point_v<T>) return "number";
  if constexpr (std::is_same_v<T, std::string>) return "string";
  if constexpr (std::is_same_v<T, std::filesystem::path>) return "path";
  return "list";
}
template <class T>
struct Value : std::type_identity<T> {};
template <class T>
struct Value<std::optional<T>> : std::type_identity<T> {};

template <class Options>
void describe(std::string_view of, nlohmann::ordered_json& list) {
  const nlohmann::ordered_json defaults = options_to_json(Options());
  visit_defaults<Options>([&]<class T>(const Option& option, const T&) {
    nlohmann::ordered_json entry{{"name", option.name},
                                 {"of", of},
                                 {"type", type_name<typename Value<T>::type>()},
                                 {"help", option.help},
                                 {"group", option.group}};
    std::string path = "/" + std::string(option.name);
    std::ranges::replace(path, '.', '/');
    if (const nlohmann::ordered_json::json_pointer at(path); defaults.contains(at))
      entry["default"] = defaults.at(at);
    if (!option.unset.empty()) entry["unset"] = option.unset;
    for (const OptionChoice& choice : option.choices) entry["choices"].push_back(choice.name);
    if (option.range.has_least()) entry["least"] = option.range.least;
    if (option.range.has_most()) entry["most"] = option.range.most;
    list.push_back(std::move(entry));
  });
}

// Throws for what `options` has set that is of the other call. "loras" is of both.
void refuse_others(const Json& others, const std::vector<std::string>& own, const char* call) {
  for (const auto& [key, value] : others.items())
    if (!holds(own, key)) throw ArgumentError(key + " is an option of " + call, key);
}

}  // namespace

LoadOptions load_options(const sd35_options* options) {
  LoadOptions load;
  if (options == nullptr) return load;
  refuse_others(options->generate, names_of<LoadOptions>(), "sd35_generate");
  if (!options->pictures.empty())
    throw ArgumentError("a picture that goes in is an option of sd35_generate",
                        options->pictures.begin()->first);
  options_from_json(options->load, load);
  return load;
}

GenerateOptions generate_options(const sd35_options* options) {
  GenerateOptions generate;
  if (options == nullptr) return generate;
  refuse_others(options->load, names_of<GenerateOptions>(), "sd35_pipeline_open");
  options_from_json(options->generate, generate);
  for (const auto& [name, picture] : options->pictures) picture_of(generate, name)->picture = picture;
  return generate;
}

}  // namespace sd35::c_api

namespace c_api = sd35::c_api;

sd35_options* sd35_options_new(void) {
  sd35_options* options = nullptr;
  c_api::guarded([&] { c_api::hand_over(std::make_unique<sd35_options>(), &options); });
  return options;
}

sd35_options* sd35_options_copy(const sd35_options* options) {
  sd35_options* copy = nullptr;
  c_api::guarded([&] {
    c_api::require(options, "options");
    c_api::hand_over(std::make_unique<sd35_options>(*options), &copy);
  });
  return copy;
}

void sd35_options_free(sd35_options* options) { delete options; }

sd35_status sd35_options_set_string(sd35_options* options, const char* name, const char* value) {
  return c_api::guarded([&] {
    c_api::require(options, "options");
    c_api::require(name, "name");
    c_api::require(value, "value");
    c_api::set(*options, c_api::nested(name, value));
  });
}
sd35_status sd35_options_set_int(sd35_options* options, const char* name, int64_t value) {
  // A seed may be any number of 64 bits; no other option takes one so large.
  return c_api::set_value(options, name, value);
}
sd35_status sd35_options_set_double(sd35_options* options, const char* name, double value) {
  return c_api::set_value(options, name, value);
}
sd35_status sd35_options_set_bool(sd35_options* options, const char* name, int value) {
  return c_api::set_value(options, name, value != 0);
}

sd35_status sd35_options_set_json(sd35_options* options, const char* object) {
  return c_api::guarded([&] {
    c_api::require(options, "options");
    c_api::require(object, "object");
    c_api::set(*options, sd35::parse_json_object(object, {"the options"}));
  });
}

sd35_status sd35_options_set_image(sd35_options* options, const char* name, const uint8_t* rgb, int width,
                                   int height, size_t stride) {
  return c_api::set_picture(options, name, rgb, width, height, stride, 3);
}
sd35_status sd35_options_set_mask(sd35_options* options, const char* name, const uint8_t* grey, int width,
                                  int height, size_t stride) {
  return c_api::set_picture(options, name, grey, width, height, stride, 1);
}

sd35_status sd35_options_unset(sd35_options* options, const char* name) {
  return c_api::guarded([&] {
    c_api::require(options, "options");
    c_api::require(name, "name");
    c_api::set(*options, c_api::nested(name, nullptr));
    options->pictures.erase(name);
  });
}

sd35_status sd35_options_to_json(const sd35_options* options, sd35_buffer** json) {
  if (json != nullptr) *json = nullptr;
  return c_api::guarded([&] {
    c_api::require(options, "options");
    c_api::require(json, "json");
    nlohmann::json all = options->load;
    all.merge_patch(options->generate);
    c_api::hand_over_text(all.dump(), json);
  });
}

sd35_status sd35_options_describe(sd35_buffer** json) {
  if (json != nullptr) *json = nullptr;
  return c_api::guarded([&] {
    c_api::require(json, "json");
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    c_api::describe<sd35::LoadOptions>("load", list);
    c_api::describe<sd35::GenerateOptions>("generate", list);
    c_api::hand_over_text(list.dump(), json);
  });
}
