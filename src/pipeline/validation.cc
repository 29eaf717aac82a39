#include "pipeline/validation.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "core/dtype.h"
#include "core/error.h"
#include "core/random.h"
#include "core/type_names.h"
#include "pipeline/progress.h"
#include "sampling/guidance.h"
#include "sampling/sampler.h"

namespace sd35 {
namespace {

// What Stable Diffusion 3.5 Medium was trained for, of the side it is at its best with.
constexpr int kBestSide = 1024, kSmallestSide = 256, kLargestSide = 1440;
constexpr int kMostPixelsOfASide = 1 << 20;
constexpr int kMostPictures = 1000;
constexpr int kLongestSequence = 512;  // T5's own limit
constexpr double kLeastShift = 0.01, kMostShift = 100;

[[noreturn]] void fail(const std::string& what) { throw ArgumentError(what); }

void check_range(const char* name, int value, int least, int most) {
  if (value < least || value > most)
    fail(std::string(name) + " is " + std::to_string(value) + "; it must be " + std::to_string(least) +
         " to " + std::to_string(most));
}

void check_finite(const char* name, double value) {
  // It is computed with as a number of 32 bits.
  if (!(std::abs(value) <= FLT_MAX)) fail(std::string(name) + " is not a finite number");
}

void check_side(const char* name, int value, int unit, int most) {
  if (value % unit == 0 && value >= unit && value <= most) return;
  std::string message = std::string(name) + " is " + std::to_string(value) + "; it must be a multiple of " +
                        std::to_string(unit) + " from " + std::to_string(unit) + " to " +
                        std::to_string(most);
  if (value > most) message += ", which is as far as this model's positions go";
  if (value > unit && value < most)
    message += ", such as " + std::to_string((value + unit / 2) / unit * unit);
  fail(message);
}

void check_skip_layers(const SkipLayerOptions& options, int num_layers) {
  for (const int layer : options.layers)
    if (layer < 0 || layer >= num_layers)
      fail("skip-layer guidance of layer " + std::to_string(layer) + "; the model has layers 0 to " +
           std::to_string(num_layers - 1));
  check_finite("the scale of skip-layer guidance", options.scale);
  for (const double fraction : {options.start, options.stop})
    if (!(fraction >= 0 && fraction <= 1))
      fail("skip-layer guidance starts and stops at fractions of the steps, 0 to 1, not at " +
           std::to_string(fraction));
}

void check_guidance_interval(const GenerateOptions& options) {
  const double start = options.guidance_start, stop = options.guidance_stop;
  if (!(start >= 0 && start <= stop && stop <= 1))
    fail("the guidance interval is " + std::to_string(start) + " to " + std::to_string(stop) +
         "; it must be two fractions of the steps in order, from 0 to 1");
}

// Beyond, a thousand steps are no longer distinct in f32.
void check_shift(const std::optional<double>& shift) {
  if (shift && !(*shift >= kLeastShift && *shift <= kMostShift))
    fail("shift is " + std::to_string(*shift) + "; it must be 0.01 to 100");
}

void check_block_cache(double threshold) {
  if (!(threshold >= 0 && std::isfinite(threshold)))
    fail("block_cache is " + std::to_string(threshold) +
         "; it must be 0 (off) or a positive threshold, such as 0.1");
}

}  // namespace

LoadOptions with_canonical_types(LoadOptions options) {
  options.dtype = name_of(compute_type_from_name(options.dtype));
  return options;
}

DType noise_type_from_name(const std::string& name) {
  return dtype_from_name(name, {DType::f32, DType::f16, DType::bf16});
}

void check_options(const GenerateOptions& options, const MmditConfig& transformer, const VaeConfig& vae) {
  const int unit = vae.scale() * transformer.patch_size;
  check_side("width", options.width, unit, unit * transformer.pos_embed_max_size);
  check_side("height", options.height, unit, unit * transformer.pos_embed_max_size);
  check_range("num_inference_steps", options.num_inference_steps, 1, 1000);
  check_range("count", options.count, 1, kMostPictures);
  check_range("max_sequence_length", options.max_sequence_length, 1, kLongestSequence);
  check_finite("guidance_scale", options.guidance_scale.value());
  check_guidance_interval(options);
  check_block_cache(options.block_cache);
  check_shift(options.shift);
  check_skip_layers(options.skip_layer_guidance, transformer.num_layers);
  sampler_from_name(options.sampler);
  random_source_from_name(options.generator);
  if (!options.noise_dtype.empty()) noise_type_from_name(options.noise_dtype);
}

TrainedSides trained_sides(const nlohmann::json& extras, const MmditConfig& transformer, const VaeConfig& vae,
                           const std::string& location) {
  const auto said = extras.find("sides");
  if (said == extras.end()) {
    const int best = transformer.sample_size * vae.scale();
    return {best * kSmallestSide / kBestSide, best * kLargestSide / kBestSide};
  }
  const auto is_side = [](const nlohmann::json& side) {
    return side.is_number_unsigned() && side >= 1 && side <= kMostPixelsOfASide;
  };
  if (!said->is_array() || said->size() != 2 || !std::ranges::all_of(*said, is_side))
    throw FileError(location + ": 'sides' is not two numbers of pixels, as in [96, 224]");
  return {said->at(0), said->at(1)};
}

void warn_of_options(const GenerateOptions& options, const TrainedSides& sides, const Callbacks& callbacks) {
  const auto usual = [&](int side) { return side >= sides.smallest && side <= sides.largest; };
  if (!usual(options.width) || !usual(options.height))
    warn(callbacks, std::to_string(options.width) + "x" + std::to_string(options.height) +
                        " is outside what the model was trained for, " + std::to_string(sides.smallest) +
                        " to " + std::to_string(sides.largest) +
                        " pixels a side; the picture may be incoherent");
  if (options.max_sequence_length > kTrainedSequence)
    warn(callbacks, "max_sequence_length " + std::to_string(options.max_sequence_length) + " is above " +
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
