#include "sampling/image_to_image.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace sd35 {

namespace {

void check_strength(double strength) {
  if (!(strength > 0 && strength <= 1))
    throw ArgumentError("strength " + std::to_string(strength) + "; use more than 0 and at most 1");
}

}  // namespace

int first_step(int steps, double strength) {
  check_strength(strength);
  // The product is not rounded (28 steps at 0.6 run 17), only the difference.
  const int first = static_cast<int>(steps - steps * strength);
  if (first >= steps)
    throw ArgumentError("strength " + std::to_string(strength) + " leaves none of " + std::to_string(steps) +
                        " steps; use more steps or a larger strength");
  return first;
}

int longer_schedule(int steps, double strength, int most) {
  check_strength(strength);
  const double all = std::floor(steps / strength);
  if (all > most)
    throw ArgumentError("strength " + std::to_string(strength) + " makes " + std::to_string(steps) +
                        " steps the end of " + "more than " + std::to_string(most) +
                        "; use fewer steps or a larger strength");
  return static_cast<int>(all);
}

void scale_noise(std::span<const float> latents, std::span<const float> noise, float sigma,
                 std::span<float> out) {
  if (latents.size() != noise.size() || latents.size() != out.size())
    throw Error("scale_noise: latents, noise and output differ in size");
  std::transform(latents.begin(), latents.end(), noise.begin(), out.begin(),
                 [sigma](float x0, float e) { return sigma * e + (1 - sigma) * x0; });
}

}  // namespace sd35
