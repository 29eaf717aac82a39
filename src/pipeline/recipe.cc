#include "pipeline/recipe.h"

#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "core/config_file.h"
#include "core/error.h"
#include "core/fingerprint.h"
#include "image/image_file.h"
#include "image/metadata.h"
#include "lora/lora_files.h"
#include "options/option.h"
#include "options/option_json.h"
#include "options/options.h"
#include "pipeline/picture_inputs.h"
#include "weights/model/hub_cache.h"

namespace sd35 {
namespace {

using Json = nlohmann::ordered_json;

// The name that people know a sampler by.
std::string shown_sampler(const std::string& name) {
  static const std::map<std::string, std::string> kShown{
      {"euler", "Euler"}, {"heun", "Heun"}, {"dpm++2m", "DPM++ 2M"}, {"euler_a", "Euler a"}, {"lcm", "LCM"}};
  const auto found = kShown.find(name);
  return found == kShown.end() ? name : found->second;
}

// Options that used to hold 0 or "" for the model's own choice, for which they are now absent.
constexpr std::array kOnceUnset{"width", "height", "num_inference_steps", "max_sequence_length", "sampler"};

nlohmann::json without_old_unset(nlohmann::json generate) {
  for (const char* key : kOnceUnset) {
    const auto value = generate.find(key);
    if (value != generate.end() && (*value == 0 || *value == "")) generate.erase(value);
  }
  return generate;
}

// An object below `json`; one without keys if it is missing.
nlohmann::json child(const nlohmann::json& json, const char* key) {
  return json.contains(key) ? json[key] : nlohmann::json::object();
}

// Without what concerns only one machine: a picture from elsewhere chooses no folders or threads.
template <class Options>
Options read_options_of_recipe(nlohmann::json json, const Location& location) {
  visit_defaults<Options>([&](const Option& option, const auto& /*standard*/) {
    if (!option.recorded && json.is_object()) json.erase(std::string(option.name));
  });
  Options options;
  try {
    options_from_json(json, options);
  } catch (const ArgumentError& error) {
    throw FileError(location + ": " + error.what(), error.option(), location.file);
  }
  return options;
}

std::filesystem::path last_part(std::filesystem::path path) {
  if (path.filename().empty()) path = path.parent_path();
  return path.filename();
}

// "organisation/model" of a folder in the Hugging Face cache, .../models--organisation--model/snapshots/0a1b.
std::optional<std::string> name_in_hub_cache(const std::filesystem::path& path) {
  constexpr std::string_view kFolder = "models--", kBetween = "--";
  for (const std::filesystem::path& part : path) {
    std::string name = part.string();
    if (!name.starts_with(kFolder)) continue;
    name.erase(0, kFolder.size());
    const std::size_t between = name.find(kBetween);
    if (between == name.npos) continue;
    return name.replace(between, kBetween.size(), "/");
  }
  return std::nullopt;
}

std::string name_of_model(const std::string& model) {
  std::error_code ignored;
  if (is_hub_name(model) && !std::filesystem::exists(model, ignored)) return model;
  if (const auto name = name_in_hub_cache(model)) return *name;
  return last_part(model).string();
}

// Whether it is named as the cache names it.
bool is_in_hub_cache(const std::filesystem::path& path) {
  std::error_code ignored;
  return !std::filesystem::exists(path, ignored) && is_hub_name(path.string()) &&
         find_in_hub_cache(path.string()).has_value();
}

// As other programs call it.
std::string model_title(const std::string& model) {
  const std::filesystem::path name = last_part(model);
  return name.extension() == ".safetensors" || name.extension() == ".gguf" ? name.stem().string()
                                                                           : name.string();
}

// Visits options; others than paths stay as they are.
struct PathsToNames {
  template <class T>
  void operator()(const Option& /*option*/, T& /*value*/) const {}
  void operator()(const Option& /*option*/, std::filesystem::path& path) const { path = last_part(path); }
  void operator()(const Option& /*option*/, std::vector<LoraOptions>& loras) const {
    for (LoraOptions& lora : loras)
      if (!is_in_hub_cache(lora.path)) lora.path = last_part(lora.path);
  }
};

void write_hashes(const char* key, const std::map<std::string, std::string>& hashes, Json& json) {
  for (const auto& [name, hash] : hashes) json[key][name] = hash;
}

std::map<std::string, std::string> read_hashes(const nlohmann::json& root, const char* key,
                                               const Location& location) {
  const nlohmann::json object = child(root, key);
  const ConfigReader reader(object, {location + ", " + key, location.file});
  std::map<std::string, std::string> hashes;
  for (const auto& [name, hash] : object.items()) hashes[name] = reader.text(name);
  return hashes;
}

// A name for a picture that came without a file, so that who draws it again is asked for it.
void name_picture(InputPicture& picture) {
  if (picture.path.empty()) picture.path = "picture-" + pixel_hash(picture).substr(0, 8);
}

}  // namespace

Recipe with_names(Recipe recipe) {
  recipe.model = name_of_model(recipe.model);
  visit_options(recipe.load, PathsToNames());
  visit_options(recipe.generate, PathsToNames());
  return recipe;
}

Recipe with_hashes(Recipe recipe) {
  for (const std::vector<LoraOptions>* loras : {&recipe.load.loras, &recipe.generate.loras})
    for (const LoraOptions& lora : *loras)
      recipe.lora_hashes[last_part(lora.path).string()] =
          fingerprint(lora_files(lora.path), Reading::samples);
  GenerateOptions& options = recipe.generate;
  const auto hash = [&](const char* option, InputPicture& picture) {
    if (!picture.given()) return;
    name_picture(picture);
    recipe.picture_hashes[option] = pixel_hash(picture);
  };
  hash("init.picture", options.init.picture);
  hash("inpaint.mask", options.inpaint.mask);
  hash("edit", options.edit);
  return recipe;
}

std::string recipe_to_json(const Recipe& recipe) {
  Json json{{"version", version()}, {"model", recipe.model}};
  if (!recipe.model_hash.empty()) json["model_hash"] = recipe.model_hash;
  write_hashes("lora_hashes", recipe.lora_hashes, json);
  write_hashes("picture_hashes", recipe.picture_hashes, json);
  json["load"] = options_to_json(recipe.load, JsonOptions::recorded);
  json["generate"] = options_to_json(recipe.generate, JsonOptions::recorded);
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Recipe recipe_from_json(const std::string& json, const Location& location) {
  const nlohmann::json root = parse_json_object(json, location);
  Recipe recipe;
  const ConfigReader reader(root, location);
  recipe.model = reader.text("model");
  recipe.model_hash = reader.text("model_hash", "");
  recipe.lora_hashes = read_hashes(root, "lora_hashes", location);
  recipe.picture_hashes = read_hashes(root, "picture_hashes", location);
  if (root.contains("grid"))
    recipe.left_out.emplace_back("grid: it is a sheet of pictures, of which this is the first");
  recipe.load =
      read_options_of_recipe<LoadOptions>(child(root, "load"), {location + ", load", location.file});
  recipe.generate = read_options_of_recipe<GenerateOptions>(without_old_unset(child(root, "generate")),
                                                            {location + ", generate", location.file});
  return recipe;
}

std::vector<std::pair<std::string, std::string>> metadata_of(const Recipe& recipe) {
  const GenerateOptions& options = recipe.generate;
  GenerationSettings settings;
  settings.prompt = options.prompt;
  settings.negative_prompt = options.negative_prompt;
  settings.steps = options.num_inference_steps.value_or(0);
  settings.sampler = shown_sampler(options.sampler.value_or(""));
  if (options.guidance_scale) settings.guidance_scale = static_cast<float>(*options.guidance_scale);
  settings.seed = options.seed;
  settings.width = options.width.value_or(0);
  settings.height = options.height.value_or(0);
  settings.model = model_title(recipe.model);
  if (options.shift) settings.extra.emplace_back("Shift", shortest(*options.shift));
  settings.extra.emplace_back("Version", "sd35 " + version());
  return {{kParametersKey, parameters_text(settings)}, {kRecipeKey, recipe_to_json(recipe)}};
}

}  // namespace sd35
