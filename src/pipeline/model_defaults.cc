#include "pipeline/model_defaults.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/messages.h"
#include "pipeline/validation.h"
#include "weights/config_file.h"

namespace sd35 {
namespace {

constexpr std::array kDefaultKeys = {"width", "height", "steps", "guidance_scale", "sampler"};
constexpr int kPublishedSteps = 40;
constexpr double kPublishedGuidance = 4.5;
constexpr const char* kPublishedSampler = "euler";

void check_default_keys(const nlohmann::json& defaults, const std::string& location) {
  for (const auto& [key, value] : defaults.items()) {
    if (std::ranges::find(kDefaultKeys, key) != kDefaultKeys.end()) continue;
    std::string known;
    for (const char* each : kDefaultKeys) known += (known.empty() ? "" : ", ") + std::string(each);
    throw FileError(location + " does not know " + in_quotes(key) + "; known: " + known);
  }
}

}  // namespace

ModelDefaults ModelDefaults::from_json(const nlohmann::json& extras, const MmditConfig& transformer,
                                       const VaeConfig& vae, const std::string& location) {
  ModelDefaults defaults;
  const auto said = extras.find("defaults");
  if (said == extras.end()) return defaults;
  const std::string where = location + ": 'defaults'";
  if (!said->is_object()) throw FileError(where + R"( is not an object, as in {"steps": 20})");
  check_default_keys(*said, where);
  const ConfigReader reader(*said, where);
  const auto whole = [&](const char* key, std::optional<int>& value) {
    if (reader.has(key)) value = static_cast<int>(reader.integer(key, 1, INT32_MAX));
  };
  whole("width", defaults.width);
  whole("height", defaults.height);
  whole("steps", defaults.steps);
  if (reader.has("guidance_scale")) defaults.guidance_scale = reader.number("guidance_scale", 0, 1000);
  if (reader.has("sampler")) defaults.sampler = reader.text("sampler");
  try {
    check_options(with_model_defaults({}, defaults, transformer, vae, 0), transformer, vae);
  } catch (const ArgumentError& error) {
    throw FileError(where + ": " + error.what());
  }
  return defaults;
}

GenerateOptions with_model_defaults(GenerateOptions options, const ModelDefaults& defaults,
                                    const MmditConfig& transformer, const VaeConfig& vae,
                                    std::int64_t t5_max_length) {
  const int side = transformer.sample_size * vae.scale();
  if (options.width == 0) options.width = defaults.width.value_or(side);
  if (options.height == 0) options.height = defaults.height.value_or(side);
  if (options.num_inference_steps == 0)
    options.num_inference_steps = defaults.steps.value_or(kPublishedSteps);
  if (!options.guidance_scale) options.guidance_scale = defaults.guidance_scale.value_or(kPublishedGuidance);
  if (options.sampler.empty()) options.sampler = defaults.sampler.value_or(kPublishedSampler);
  if (options.max_sequence_length == 0)
    options.max_sequence_length = t5_max_length > 0 && t5_max_length < kTrainedSequence
                                      ? static_cast<int>(t5_max_length)
                                      : kTrainedSequence;
  return options;
}

}  // namespace sd35
