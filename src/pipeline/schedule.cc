#include "pipeline/schedule.h"

#include <cmath>

#include "options/input_choices.h"
#include "pipeline/picture_inputs.h"
#include "sampling/image_to_image.h"

namespace sd35 {
namespace {

std::vector<float> sigmas_of(const GenerateOptions& options, const SchedulerConfig& scheduler, int steps) {
  return flow_sigmas(steps, options.shift.value_or(scheduler.shift), scheduler.num_train_timesteps);
}

constexpr double kLatentStrength = 0.6, kLanczosStrength = 0.4;

}  // namespace

Schedule schedule_of(const GenerateOptions& options, const SchedulerConfig& scheduler) {
  const int steps = options.num_inference_steps.value();
  const double strength = strength_of(options);
  if (strength_rule_from_name(options.init.strength_rule) == StrengthRule::steps) {
    const int all = longer_schedule(steps, strength, scheduler.num_train_timesteps);
    return {sigmas_of(options, scheduler, all), all - steps};
  }
  return {sigmas_of(options, scheduler, steps), first_step(steps, strength)};
}

ImageSize hires_size(const GenerateOptions& options, int unit) {
  const auto side = [&](int first) {
    return static_cast<int>(std::lround(first * options.hires.scale / unit)) * unit;
  };
  return {side(options.width.value()), side(options.height.value())};
}

Schedule hires_schedule_of(const GenerateOptions& options, const SchedulerConfig& scheduler) {
  const HiresOptions& hires = options.hires;
  const int steps = hires.steps > 0 ? hires.steps : options.num_inference_steps.value();
  const bool latent = upscaler_from_name(hires.upscaler) == Upscaler::latent;
  const double strength = hires.strength.value_or(latent ? kLatentStrength : kLanczosStrength);
  return {sigmas_of(options, scheduler, steps), first_step(steps, strength)};
}

}  // namespace sd35
