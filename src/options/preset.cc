#include "options/preset.h"

#include <string>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr std::string_view kTurbo = "turbo", kNone = "none";

}  // namespace

void check_preset(std::string_view name) {
  if (name.empty() || name == kNone || name == kTurbo) return;
  throw ArgumentError(
      "unknown preset '" + std::string(name) + "'; known: " + std::string(kTurbo) + ", " + std::string(kNone),
      "preset");
}

GenerateOptions with_preset(GenerateOptions options) {
  check_preset(options.preset);
  if (options.preset == kNone) options.preset.clear();
  if (options.preset.empty()) return options;
  // What catalogues give for tensorart/stable-diffusion-3.5-medium-turbo.
  options.num_inference_steps = options.num_inference_steps.value_or(8);
  options.guidance_scale = options.guidance_scale.value_or(1);
  options.shift = options.shift.value_or(5);
  options.preset.clear();
  return options;
}

void make_room_for_preset(GenerateOptions& options,
                          const std::function<bool(std::string_view name)>& is_chosen) {
  if (!is_chosen("num_inference_steps")) options.num_inference_steps.reset();
  if (!is_chosen("guidance_scale")) options.guidance_scale.reset();
  if (!is_chosen("shift")) options.shift.reset();
}

}  // namespace sd35
