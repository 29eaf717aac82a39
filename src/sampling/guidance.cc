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

std::vector<int> ClassifierFreeGuidance::contexts(int index) const {
  if (!interval_.active(index, steps_)) return {kPrompt};
  if (!skip_.active(index, steps_)) return {kNegative, kPrompt};
  return {kNegative, kPrompt, kSkipping};
}

Velocity ClassifierFreeGuidance::combined(const ContextVelocities& velocities) const {
  const auto copy = [](std::span<const float> v) { return std::vector<float>(v.begin(), v.end()); };
  if (velocities.of.size() == 1) return copy(velocities.of[0]);
  const std::span<const float> negative = velocities.of[kNegative], prompt = velocities.of[kPrompt];
  Velocity velocity = guided_velocity(negative, prompt, scale_);
  if (velocities.of.size() > kSkipping) skip_.add_to(velocity.followed, prompt, velocities.of[kSkipping]);
  velocity.negative = copy(negative);
  return velocity;
}

}  // namespace sd35
