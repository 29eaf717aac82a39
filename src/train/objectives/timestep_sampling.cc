#include "train/objectives/timestep_sampling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <utility>

#include "core/error.h"

namespace sd35::train {

TimestepDensity density_from_name(std::string_view name) {
  constexpr std::array densities{
      std::pair{"logit_normal", TimestepDensity::logit_normal}, std::pair{"mode", TimestepDensity::mode},
      std::pair{"cosmap", TimestepDensity::cosmap}, std::pair{"sigma_sqrt", TimestepDensity::sigma_sqrt},
      std::pair{"uniform", TimestepDensity::uniform}};
  for (const auto& [known, density] : densities)
    if (name == known) return density;
  throw ArgumentError("unknown density of timesteps '" + std::string(name) +
                      "'; known: logit_normal, mode, cosmap, sigma_sqrt, uniform");
}

double TimestepSampling::draw(SampleRandom& random, double shift) const {
  double u = 0;
  switch (density) {
    case TimestepDensity::logit_normal:
      u = 1 / (1 + std::exp(-(logit_mean + logit_std * random.normal())));
      break;
    case TimestepDensity::mode: {
      const double v = random.uniform(), c = std::cos(std::numbers::pi / 2 * v);
      u = 1 - v - mode_scale * (c * c - 1 + v);
      break;
    }
    case TimestepDensity::cosmap:
    case TimestepDensity::sigma_sqrt:
    case TimestepDensity::uniform:
      u = random.uniform();
      break;
  }
  return shift * u / (1 + (shift - 1) * u);
}

double TimestepSampling::weight(double sigma) const {
  // sigma^-2 grows without bound; below a thousandth nothing is drawn in the reference.
  if (density == TimestepDensity::sigma_sqrt) return 1 / std::pow(std::max(sigma, 1e-3), 2);
  if (density == TimestepDensity::cosmap) return 2 / (std::numbers::pi * (1 - 2 * sigma + 2 * sigma * sigma));
  return 1;
}

double resolution_shift(std::int64_t pixels, std::int64_t base_pixels) {
  return std::sqrt(static_cast<double>(pixels) / static_cast<double>(base_pixels));
}

}  // namespace sd35::train
