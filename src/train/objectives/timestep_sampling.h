// At which noise levels a rectified flow is trained.
// Reference: SD3 paper (arXiv 2403.03206) section 3.1 and 5.3.2; diffusers training_utils.py,
// compute_density_for_timestep_sampling and compute_loss_weighting_for_sd3.
#pragma once

#include <cstdint>
#include <string_view>

#include "train/samples/sample_random.h"

namespace sd35::train {

enum class TimestepDensity : std::uint8_t { logit_normal, mode, cosmap, sigma_sqrt, uniform };

// "logit_normal", "mode", "cosmap", "sigma_sqrt", "uniform". Throws ArgumentError naming them.
TimestepDensity density_from_name(std::string_view name);

struct TimestepSampling {
  TimestepDensity density = TimestepDensity::logit_normal;
  double logit_mean = 0, logit_std = 1;
  double mode_scale = 1.29;

  // sigma in [0, 1] after the shift a: a u / (1 + (a - 1) u).
  double draw(SampleRandom& random, double shift) const;
  // The weight of the loss at sigma: 1 for the densities that are sampled from, as in the paper.
  double weight(double sigma) const;
};

// The shift that keeps the signal of a larger picture as noisy as that of the smaller: sqrt(pixels / base
// pixels).
double resolution_shift(std::int64_t pixels, std::int64_t base_pixels);

}  // namespace sd35::train
