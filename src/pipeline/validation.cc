#include "pipeline/validation.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "core/error.h"
#include "core/progress.h"
#include "core/type_names.h"
#include "options/check_values.h"
#include "sampling/guidance.h"

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
  check_guidance_interval(options);
  check_skip_layers(options.skip_layer_guidance, transformer.num_layers);
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
  const int sequence = options.max_sequence_length.value();
  if (sequence > kTrainedSequence)
    warn(callbacks, "max_sequence_length " + std::to_string(sequence) + " is above " +
                        std::to_string(kTrainedSequence) +
                        ", which may cause artifacts at the picture's edges");
  if (guidance_enabled(options.guidance_scale.value())) return;
  if (options.guidance_start > 0 || options.guidance_stop < 1)
    warn(callbacks, "the guidance interval has no effect, because it needs a guidance_scale above 1");
  if (!options.skip_layer_guidance.layers.empty())
    warn(callbacks, "skip-layer guidance is off, because it needs a guidance_scale above 1");
  if (!options.negative_prompt.empty() || options.negative_prompt_2 || options.negative_prompt_3)
    warn(callbacks, "the negative prompt has no effect, because it needs a guidance_scale above 1");
}

}  // namespace sd35
