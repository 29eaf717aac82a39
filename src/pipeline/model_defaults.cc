#include "pipeline/model_defaults.h"

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/messages.h"
#include "options/option_json.h"
#include "options/options.h"
#include "pipeline/validation.h"
#include "sampling/sigmas.h"

namespace sd35 {
namespace {

constexpr int kPublishedSteps = 40;
constexpr double kPublishedGuidance = 4.5;
constexpr const char* kPublishedSampler = "euler";

// With the names that options have. Throws FileError for a key that is not a model's.
nlohmann::json with_option_names(nlohmann::json defaults, const Location& where) {
  nlohmann::json options = nlohmann::json::object();
  std::string known;
  visit_defaults<GenerateOptions>([&](const Option& option, const auto& /*value*/) {
    if (option.model_key.empty()) return;
    const std::string key(option.model_key);
    known += (known.empty() ? "" : ", ") + key;
    if (!defaults.contains(key)) return;
    options[std::string(option.name)] = defaults[key];
    defaults.erase(key);
  });
  if (!defaults.empty())
    throw FileError(where + " does not know " + in_quotes(defaults.begin().key()) + "; known: " + known, {},
                    where.file);
  return options;
}

// The first one set of: what is asked for, what the model says, what the program uses.
template <class T>
void choose(std::optional<T>& asked, const std::optional<T>& said, const T& otherwise) {
  if (!asked) asked = said.value_or(otherwise);
}

std::int64_t image_tokens(int width, int height, const MmditConfig& transformer, const VaeConfig& vae) {
  const std::int64_t unit = std::int64_t{1} * vae.scale() * transformer.patch_size;
  return width / unit * (height / unit);
}

}  // namespace

GenerateOptions defaults_from_json(const nlohmann::json& extras, const MmditConfig& transformer,
                                   const VaeConfig& vae, const Location& location) {
  GenerateOptions defaults;
  const auto said = extras.find("defaults");
  if (said == extras.end()) return defaults;
  const Location where{location + ": 'defaults'", location.file};
  if (!said->is_object())
    throw FileError(where + R"( is not an object, as in {"steps": 20})", {}, where.file);
  try {
    options_from_json(with_option_names(*said, where), defaults);
    if (defaults.guidance_scale.value_or(0) < 0)
      throw ArgumentError("guidance_scale is below 0", "guidance_scale");
    check_options(with_model_defaults({}, defaults, transformer, vae, 0), transformer, vae);
  } catch (const ArgumentError& error) {
    throw FileError(where + ": " + error.what(), error.option(), where.file);
  }
  return defaults;
}

GenerateOptions with_model_defaults(GenerateOptions options, const GenerateOptions& defaults,
                                    const MmditConfig& transformer, const VaeConfig& vae,
                                    std::int64_t t5_max_length) {
  const int side = transformer.sample_size * vae.scale();
  choose(options.width, defaults.width, side);
  choose(options.height, defaults.height, side);
  choose(options.num_inference_steps, defaults.num_inference_steps, kPublishedSteps);
  choose(options.guidance_scale, defaults.guidance_scale, kPublishedGuidance);
  choose(options.sampler, defaults.sampler, std::string(kPublishedSampler));
  if (options.shift == 0.0)
    options.shift = shift_of_size(image_tokens(*options.width, *options.height, transformer, vae));
  if (options.cfg_zero && !options.cfg_zero_steps)
    options.cfg_zero_steps =
        *options.sampler == kPublishedSampler && *options.num_inference_steps > 1 ? 1 : 0;
  const bool shorter = t5_max_length > 0 && t5_max_length < kTrainedSequence;
  choose(options.max_sequence_length, {}, shorter ? static_cast<int>(t5_max_length) : kTrainedSequence);
  return options;
}

}  // namespace sd35
