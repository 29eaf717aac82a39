#include "sampling/guidance.h"

#include "core/error.h"

namespace sd35 {

std::vector<float> guided_velocity(std::span<const float> negative, std::span<const float> positive,
                                   double guidance_scale) {
  if (negative.size() != positive.size()) throw Error("guided_velocity: velocities of different sizes");
  const auto scale = static_cast<float>(guidance_scale);
  std::vector<float> velocity(negative.size());
  for (std::size_t k = 0; k < velocity.size(); ++k)
    velocity[k] = negative[k] + scale * (positive[k] - negative[k]);
  return velocity;
}

void SkipLayerGuidance::add_to(std::span<float> velocity, std::span<const float> positive,
                               std::span<const float> skipped) const {
  if (velocity.size() != positive.size() || velocity.size() != skipped.size())
    throw Error("skip-layer guidance: velocities of different sizes");
  const auto factor = static_cast<float>(scale);
  for (std::size_t k = 0; k < velocity.size(); ++k) velocity[k] += (positive[k] - skipped[k]) * factor;
}

}  // namespace sd35
