#include "pipeline/recipe.h"

#include <array>
#include <charconv>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "image/image_file.h"
#include "image/metadata.h"
#include "pipeline/translated.h"
#include "weights/config_file.h"

namespace sd35 {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kLargest = 1e300;

// The name that people know a sampler by.
std::string shown_sampler(const std::string& name) {
  static const std::map<std::string, std::string> kShown{
      {"euler", "Euler"}, {"heun", "Heun"}, {"dpm++2m", "DPM++ 2M"}};
  const auto found = kShown.find(name);
  return found == kShown.end() ? name : found->second;
}

// 5, 0.5
std::string shortest(double value) {
  std::array<char, 32> digits{};
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

void put(Json& json, const char* key, const std::optional<std::string>& value) {
  if (value) json[key] = *value;
}

void put(Json& json, const char* key, const std::filesystem::path& value) {
  if (!value.empty()) json[key] = value.string();
}

Json to_json(const LoadOptions& load) {
  Json json{{"engine", load.engine},     {"device", load.device},   {"dtype", load.dtype},
            {"quantize", load.quantize}, {"threads", load.threads}, {"use_t5", load.use_t5}};
  put(json, "clip_l", load.clip_l);
  put(json, "clip_g", load.clip_g);
  put(json, "t5xxl", load.t5xxl);
  put(json, "tokenizers", load.tokenizers);
  for (const LoraOptions& lora : load.loras)
    json["loras"].push_back({{"path", lora.path.string()}, {"weight", lora.weight}});
  if (load.max_memory > 0) json["max_memory"] = load.max_memory;
  put(json, "transformer", load.transformer);
  put(json, "vae", load.vae);
  return json;
}

Json to_json(const SkipLayerOptions& skip) {
  return {{"layers", skip.layers}, {"scale", skip.scale}, {"start", skip.start}, {"stop", skip.stop}};
}

Json to_json(const GenerateOptions& options) {
  Json json{{"prompt", options.prompt}, {"negative_prompt", options.negative_prompt}};
  put(json, "prompt_2", options.prompt_2);
  put(json, "prompt_3", options.prompt_3);
  put(json, "negative_prompt_2", options.negative_prompt_2);
  put(json, "negative_prompt_3", options.negative_prompt_3);
  json["width"] = options.width;
  json["height"] = options.height;
  json["num_inference_steps"] = options.num_inference_steps;
  if (options.guidance_scale) json["guidance_scale"] = *options.guidance_scale;
  json["guidance_start"] = options.guidance_start;
  json["guidance_stop"] = options.guidance_stop;
  json["block_cache"] = options.block_cache;
  json["sampler"] = options.sampler;
  if (options.shift) json["shift"] = *options.shift;
  json["seed"] = options.seed;
  json["count"] = options.count;
  json["max_sequence_length"] = options.max_sequence_length;
  json["generator"] = options.generator;
  json["noise_dtype"] = options.noise_dtype;
  json["skip_layer_guidance"] = to_json(options.skip_layer_guidance);
  json["vae_tiling"] = options.vae_tiling;
  return json;
}

int read_int(const ConfigReader& reader, const char* key, int fallback) {
  return static_cast<int>(reader.integer(key, INT32_MIN, INT32_MAX, fallback));
}

double read_number(const ConfigReader& reader, const char* key, double fallback) {
  return reader.number(key, -kLargest, kLargest, fallback);
}

std::optional<std::string> read_text(const ConfigReader& reader, const char* key) {
  if (!reader.has(key)) return std::nullopt;
  return reader.text(key);
}

// An object below `json`; one without keys where it is missing.
nlohmann::json child(const nlohmann::json& json, const char* key) {
  return json.contains(key) ? json[key] : nlohmann::json::object();
}

std::vector<LoraOptions> read_loras(const nlohmann::json& load, const ConfigReader& reader,
                                    const std::string& location) {
  std::vector<LoraOptions> loras;
  if (!reader.has("loras")) return loras;
  if (!load["loras"].is_array()) reader.fail("loras", "is no list");
  for (const nlohmann::json& lora : load["loras"]) {
    if (!lora.is_object()) reader.fail("loras", "holds something that is no object");
    const ConfigReader values(lora, location + ", loras");
    loras.push_back({values.text("path"), read_number(values, "weight", 1)});
  }
  return loras;
}

LoadOptions read_load(const nlohmann::json& json, const std::string& location) {
  const ConfigReader reader(json, location + ", load");
  LoadOptions load;
  load.engine = reader.text("engine", load.engine);
  load.device = reader.text("device", load.device);
  load.dtype = reader.text("dtype", load.dtype);
  load.quantize = reader.text("quantize", load.quantize);
  load.threads = read_int(reader, "threads", load.threads);
  load.max_memory = static_cast<std::uint64_t>(reader.integer("max_memory", 0, INT64_MAX, 0));
  load.use_t5 = reader.boolean("use_t5", load.use_t5);
  load.clip_l = reader.text("clip_l", "");
  load.clip_g = reader.text("clip_g", "");
  load.t5xxl = reader.text("t5xxl", "");
  load.tokenizers = reader.text("tokenizers", "");
  load.loras = read_loras(json, reader, location);
  load.transformer = reader.text("transformer", "");
  load.vae = reader.text("vae", "");
  return load;
}

SkipLayerOptions read_skip_layers(const nlohmann::json& json, const std::string& location) {
  constexpr std::size_t kMostLayers = 256;
  const ConfigReader reader(json, location + ", skip_layer_guidance");
  SkipLayerOptions skip;
  for (const std::int64_t layer : reader.integers("layers", 0, INT32_MAX, kMostLayers, {}))
    skip.layers.push_back(static_cast<int>(layer));
  skip.scale = read_number(reader, "scale", skip.scale);
  skip.start = read_number(reader, "start", skip.start);
  skip.stop = read_number(reader, "stop", skip.stop);
  return skip;
}

GenerateOptions read_generate(const nlohmann::json& json, const std::string& location) {
  const ConfigReader reader(json, location + ", generate");
  GenerateOptions options;
  options.prompt = reader.text("prompt", "");
  options.negative_prompt = reader.text("negative_prompt", "");
  options.prompt_2 = read_text(reader, "prompt_2");
  options.prompt_3 = read_text(reader, "prompt_3");
  options.negative_prompt_2 = read_text(reader, "negative_prompt_2");
  options.negative_prompt_3 = read_text(reader, "negative_prompt_3");
  options.width = read_int(reader, "width", options.width);
  options.height = read_int(reader, "height", options.height);
  options.num_inference_steps = read_int(reader, "num_inference_steps", options.num_inference_steps);
  if (reader.has("guidance_scale")) options.guidance_scale = read_number(reader, "guidance_scale", 0);
  options.guidance_start = read_number(reader, "guidance_start", options.guidance_start);
  options.guidance_stop = read_number(reader, "guidance_stop", options.guidance_stop);
  options.block_cache = read_number(reader, "block_cache", options.block_cache);
  options.sampler = reader.text("sampler", options.sampler);
  if (reader.has("shift")) options.shift = read_number(reader, "shift", 0);
  if (reader.has("seed")) {
    // The upper half of the seeds is beyond the reader's whole numbers.
    if (!json["seed"].is_number_unsigned()) reader.fail("seed", "is no whole number from 0");
    options.seed = json["seed"].get<std::uint64_t>();
  }
  options.count = read_int(reader, "count", options.count);
  options.max_sequence_length = read_int(reader, "max_sequence_length", options.max_sequence_length);
  options.generator = reader.text("generator", options.generator);
  options.noise_dtype = reader.text("noise_dtype", "");
  options.skip_layer_guidance = read_skip_layers(child(json, "skip_layer_guidance"), location);
  options.vae_tiling = reader.boolean("vae_tiling", options.vae_tiling);
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
                  {"load", to_json(recipe.load)},
                  {"generate", to_json(recipe.generate)}};
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Recipe recipe_from_json(const std::string& json, const std::string& location) {
  const nlohmann::json root = parse_json_object(json, location);
  Recipe recipe;
  recipe.model = ConfigReader(root, location).text("model");
  recipe.load = read_load(child(root, "load"), location);
  recipe.generate = read_generate(child(root, "generate"), location);
  return recipe;
}

Recipe read_recipe(const std::filesystem::path& picture) {
  return translated([&] {
    const Metadata metadata = read_metadata(picture);
    if (metadata.settings_json.empty())
      throw FileError(picture.string() +
                      ": the picture does not say how it was made; only pictures that sd35 saved do");
    return recipe_from_json(metadata.settings_json, picture.string());
  });
}

std::vector<std::pair<std::string, std::string>> metadata_of(const Recipe& recipe) {
  const GenerateOptions& options = recipe.generate;
  GenerationSettings settings;
  settings.prompt = options.prompt;
  settings.negative_prompt = options.negative_prompt;
  settings.steps = options.num_inference_steps;
  settings.sampler = shown_sampler(options.sampler);
  if (options.guidance_scale) settings.guidance_scale = static_cast<float>(*options.guidance_scale);
  settings.seed = options.seed;
  settings.width = options.width;
  settings.height = options.height;
  settings.model = model_name(recipe.model);
  if (options.shift) settings.extra.emplace_back("Shift", shortest(*options.shift));
  settings.extra.emplace_back("Version", "sd35 " + version());
  return {{"parameters", parameters_text(settings)}, {"sd35", recipe_to_json(recipe)}};
}

}  // namespace sd35
