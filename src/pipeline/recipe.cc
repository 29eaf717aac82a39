#include "pipeline/recipe.h"

#include <array>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "core/config_file.h"
#include "core/error.h"
#include "image/image_file.h"
#include "image/metadata.h"
#include "options/option.h"
#include "options/option_json.h"
#include "options/options.h"

namespace sd35 {
namespace {

using Json = nlohmann::ordered_json;

// The name that people know a sampler by.
std::string shown_sampler(const std::string& name) {
  static const std::map<std::string, std::string> kShown{
      {"euler", "Euler"}, {"heun", "Heun"}, {"dpm++2m", "DPM++ 2M"}};
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
Options read_options_of_recipe(nlohmann::json json, const std::string& location) {
  visit_defaults<Options>([&](const Option& option, const auto& /*standard*/) {
    if (!option.recorded && json.is_object()) json.erase(std::string(option.name));
  });
  Options options;
  try {
    options_from_json(json, options);
  } catch (const ArgumentError& error) {
    throw FileError(location + ": " + error.what(), error.option());
  }
  return options;
}

std::string model_name(const std::string& model) {
  std::filesystem::path path(model);
  if (path.filename().empty()) path = path.parent_path();
  return path.extension() == ".safetensors" || path.extension() == ".gguf" ? path.stem().string()
                                                                           : path.filename().string();
}

}  // namespace

std::string recipe_to_json(const Recipe& recipe) {
  const Json json{{"version", version()},
                  {"model", recipe.model},
                  {"load", options_to_json(recipe.load, JsonOptions::recorded)},
                  {"generate", options_to_json(recipe.generate, JsonOptions::recorded)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Recipe recipe_from_json(const std::string& json, const std::string& location) {
  const nlohmann::json root = parse_json_object(json, location);
  Recipe recipe;
  recipe.model = ConfigReader(root, location).text("model");
  recipe.load = read_options_of_recipe<LoadOptions>(child(root, "load"), location + ", load");
  recipe.generate = read_options_of_recipe<GenerateOptions>(without_old_unset(child(root, "generate")),
                                                            location + ", generate");
  return recipe;
}

Recipe recipe_in(const std::filesystem::path& picture) {
  const Metadata metadata = read_metadata(picture);
  if (metadata.settings_json.empty())
    throw FileError(picture.string() +
                    ": the picture does not say how it was made; only pictures that sd35 saved do");
  return recipe_from_json(metadata.settings_json, picture.string());
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
  settings.model = model_name(recipe.model);
  if (options.shift) settings.extra.emplace_back("Shift", shortest(*options.shift));
  settings.extra.emplace_back("Version", "sd35 " + version());
  return {{"parameters", parameters_text(settings)}, {"sd35", recipe_to_json(recipe)}};
}

}  // namespace sd35
