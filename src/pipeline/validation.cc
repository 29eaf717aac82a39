#include "pipeline/validation.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/messages.h"
#include "core/progress.h"
#include "core/type_names.h"
#include "options/check_values.h"
#include "pipeline/schedule.h"
#include "sampling/guidance.h"
#include "sampling/sampler.h"

namespace sd35 {
namespace {

// What Stable Diffusion 3.5 Medium was trained for, as a fraction of the side it works best with.
constexpr int kBestSide = 1024, kSmallestSide = 256, kLargestSide = 1440;
constexpr int kMostPixelsOfASide = 1 << 20;

void check_side(const char* name, int value, int unit, int most) {
  if (value % unit == 0 && value >= unit && value <= most) return;
  std::string message = std::string(name) + " is " + std::to_string(value) + "; it must be a multiple of " +
                        std::to_string(unit) + " from " + std::to_string(unit) + " to " +
                        std::to_string(most);
  if (value > most) message += ", which is as far as this model's positions go";
  if (value > unit && value < most)
    message += ", such as " + std::to_string((value + unit / 2) / unit * unit);
  throw ArgumentError(message, name);
}

void check_skip_layers(const SkipLayerOptions& options, int num_layers) {
  for (const int layer : options.layers)
    if (layer < 0 || layer >= num_layers)
      throw ArgumentError("skip-layer guidance of layer " + std::to_string(layer) +
                              "; the model has layers 0 to " + std::to_string(num_layers - 1),
                          "skip_layer_guidance.layers");
}

void check_guidance_interval(const GenerateOptions& options) {
  if (options.guidance_start > options.guidance_stop)
    throw ArgumentError("the guidance interval is " + shortest(options.guidance_start) + " to " +
                            shortest(options.guidance_stop) +
                            "; it must be two fractions of the steps in order, from 0 to 1",
                        "guidance_start");
}

// Forms of guidance that exclude each other, or that leave nothing to do.
void check_guidance_forms(const GenerateOptions& options) {
  const int left_out = options.cfg_zero_steps.value_or(0);
  if (options.cfg_zero_steps && !options.cfg_zero)
    throw ArgumentError("cfg_zero_steps has no meaning without cfg_zero", "cfg_zero_steps");
  if (left_out > 0 && options.sampler != "euler")
    throw ArgumentError(
        "the sampler " + options.sampler.value() + " cannot leave out steps; use euler, or cfg_zero_steps 0",
        "cfg_zero_steps");
  if (left_out >= options.num_inference_steps.value())
    throw ArgumentError("cfg_zero_steps " + std::to_string(left_out) + " leaves none of " +
                            std::to_string(*options.num_inference_steps) + " steps",
                        "cfg_zero_steps");
  if (!options.skip_layer_guidance.layers.empty() || !options.skip_layer_guidance.in_negative) return;
  throw ArgumentError("skip-layer guidance in the negative prompt's pass needs the layers to leave out",
                      "skip_layer_guidance.in_negative");
}

void check_apg(const GenerateOptions& options) {
  if (options.apg.empty()) return;
  const auto refuse = [](const std::string& what) { throw ArgumentError("apg " + what, "apg"); };
  if (options.cfg_zero) refuse("and cfg_zero are two forms of guidance; use one of them");
  if (options.apg.size() != 3)
    refuse("takes three numbers, eta, radius and momentum, as in 0,15,-0.5; not " +
           std::to_string(options.apg.size()));
  if (options.apg[1] < 0) refuse("has a radius of " + shortest(options.apg[1]) + "; it must be 0 or more");
  if (std::abs(options.apg[2]) >= 1)
    refuse("has a momentum of " + shortest(options.apg[2]) + "; it must be between -1 and 1");
}

// Whether the name of a file or folder says that the model in it needs few steps.
bool is_distilled(std::string name) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
  std::erase_if(name, [](char c) { return c == '-' || c == '_' || c == ' '; });
  const std::size_t eight = name.find("8step");
  const bool eight_steps =
      eight != name.npos && (eight == 0 || std::isdigit(static_cast<unsigned char>(name[eight - 1])) == 0);
  return eight_steps || name.find("turbo") != name.npos;
}

}  // namespace

LoadOptions with_canonical_types(LoadOptions options) {
  check_values(options);
  options.dtype = name_of(compute_type_from_name(options.dtype));
  return options;
}

void check_options(const GenerateOptions& options, const MmditConfig& transformer, const VaeConfig& vae) {
  const int unit = vae.scale() * transformer.patch_size;
  check_side("width", options.width.value(), unit, unit * transformer.pos_embed_max_size);
  check_side("height", options.height.value(), unit, unit * transformer.pos_embed_max_size);
  check_values(options);
  if (options.hires.scale > 1) {
    const ImageSize size = hires_size(options, unit);
    try {
      check_side("the width of the second pass", size.width, unit, unit * transformer.pos_embed_max_size);
      check_side("the height of the second pass", size.height, unit, unit * transformer.pos_embed_max_size);
    } catch (const ArgumentError& error) {
      throw ArgumentError(error.what(), "hires.scale");
    }
  }
  if (options.edit.given() && !transformer.reference_tokens && !options.reference_tokens)
    throw ArgumentError(
        "edit needs a model that was trained to change pictures, such as SD3.5 Medium Kontext, and this one's "
        "configuration does not say so; --reference-tokens if it is one, or --init for a picture to begin with",
        "edit");
  check_guidance_interval(options);
  check_skip_layers(options.skip_layer_guidance, transformer.num_layers);
  if (options.forecast > 1 && adds_noise(sampler_from_name(options.sampler.value())))
    throw ArgumentError(
        "forecast does not go with the sampler " + *options.sampler + ", which adds noise in each step",
        "forecast");
  check_guidance_forms(options);
  check_apg(options);
}

TrainedSides trained_sides(const nlohmann::json& extras, const MmditConfig& transformer, const VaeConfig& vae,
                           const Location& location) {
  const auto said = extras.find("sides");
  if (said == extras.end()) {
    const int best = transformer.sample_size * vae.scale();
    return {best * kSmallestSide / kBestSide, best * kLargestSide / kBestSide};
  }
  const auto is_side = [](const nlohmann::json& side) {
    return side.is_number_unsigned() && side >= 1 && side <= kMostPixelsOfASide;
  };
  if (!said->is_array() || said->size() != 2 || !std::ranges::all_of(*said, is_side))
    throw FileError(location + ": 'sides' is not two numbers of pixels, as in [96, 224]", {}, location.file);
  return {said->at(0), said->at(1)};
}

void warn_of_options(const GenerateOptions& options, const TrainedSides& sides, const Callbacks& callbacks) {
  const auto usual = [&](int side) { return side >= sides.smallest && side <= sides.largest; };
  const int width = options.width.value(), height = options.height.value();
  if (!usual(width) || !usual(height))
    warn(callbacks, std::to_string(width) + "x" + std::to_string(height) +
                        " is outside what the model was trained for, " + std::to_string(sides.smallest) +
                        " to " + std::to_string(sides.largest) +
                        " pixels per side; the picture may be incoherent");
  const HiresOptions& hires = options.hires;
  const auto largest = static_cast<int>(std::max(width, height) * hires.scale);
  if (usual(width) && usual(height) && hires.scale > 1 && !usual(largest))
    warn(callbacks, "the second pass has sides of up to " + std::to_string(largest) +
                        " pixels, and the model was trained to " + std::to_string(sides.largest) +
                        "; the picture may be incoherent");
  constexpr int kFewSteps = 20;
  if (options.forecast > 1 && options.num_inference_steps < kFewSteps)
    warn(callbacks, "forecast guesses from steps that lie close together; with fewer than " +
                        std::to_string(kFewSteps) + " the picture may be wrong");
  const int sequence = options.max_sequence_length.value();
  if (sequence > kTrainedSequence)
    warn(callbacks, "max_sequence_length " + std::to_string(sequence) + " is above " +
                        std::to_string(kTrainedSequence) +
                        ", which may cause artifacts at the picture's edges");
  if (guidance_enabled(options.guidance_scale.value())) return;
  if (options.guidance_start > 0 || options.guidance_stop < 1)
    warn(callbacks, "the guidance interval has no effect, because it needs a guidance_scale above 1");
  if (options.cfg_zero || !options.apg.empty() || options.guidance_rescale > 0)
    warn(callbacks,
         "cfg_zero, apg and guidance_rescale have no effect, because they need a guidance_scale above 1");
  if (!options.skip_layer_guidance.layers.empty())
    warn(callbacks, "skip-layer guidance is off, because it needs a guidance_scale above 1");
  if (!options.negative_prompt.empty() || options.negative_prompt_2 || options.negative_prompt_3)
    warn(callbacks, "the negative prompt has no effect, because it needs a guidance_scale above 1");
}

void suggest_preset(const Recipe& recipe, const Callbacks& callbacks) {
  constexpr int kManySteps = 20;
  constexpr double kMuchGuidance = 2;
  const GenerateOptions& options = recipe.generate;
  if (options.num_inference_steps < kManySteps && options.guidance_scale <= kMuchGuidance) return;
  std::vector<std::string> names{std::filesystem::path(recipe.model).filename().string(),
                                 recipe.load.parts.transformer.filename().string()};
  for (const std::vector<LoraOptions>* loras : {&recipe.load.loras, &options.loras})
    for (const LoraOptions& lora : *loras) names.push_back(lora.path.filename().string());
  const auto found = std::ranges::find_if(names, is_distilled);
  if (found == names.end()) return;
  warn(callbacks, in_quotes(*found) + " sounds like a model for few steps, but is drawn with " +
                      std::to_string(*options.num_inference_steps) + " steps and a guidance_scale of " +
                      shortest(*options.guidance_scale) +
                      "; the preset turbo is 8 steps without guidance and a shift of 5");
}

}  // namespace sd35
