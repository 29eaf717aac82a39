#include "sampling/guidance.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace sd35 {

void SkipLayerGuidance::add_to(std::span<float> velocity, std::span<const float> positive,
                               std::span<const float> skipped) const {
  if (velocity.size() != positive.size() || velocity.size() != skipped.size())
    throw Error("skip-layer guidance: velocities of different sizes");
  const auto factor = static_cast<float>(scale);
  for (std::size_t k = 0; k < velocity.size(); ++k) velocity[k] += (positive[k] - skipped[k]) * factor;
}

std::vector<int> ClassifierFreeGuidance::contexts(int index) const {
  if (index < settings_.zero_steps) return {};
  if (!settings_.interval.active(index, settings_.steps)) return {kPrompt};
  if (!settings_.skip.active(index, settings_.steps)) return {kNegative, kPrompt};
  if (settings_.skip.in_negative) return {kPrompt, kSkipping};
  return {kNegative, kPrompt, kSkipping};
}

std::vector<float> ClassifierFreeGuidance::guided(std::span<const float> latents, float sigma,
                                                  std::span<const float> negative,
                                                  std::span<const float> prompt, std::int64_t number) {
  if (settings_.zero_star) return zero_star_velocity(negative, prompt, settings_.scale);
  if (!settings_.projection) return guided_velocity(negative, prompt, settings_.scale);
  constexpr double kValuesOfFullSize = 16 * 128 * 128;
  AdaptiveProjection projection = *settings_.projection;
  projection.radius *= std::sqrt(static_cast<double>(latents.size()) / kValuesOfFullSize);
  const auto picture = static_cast<std::size_t>(number);
  if (averages_.size() <= picture) averages_.resize(picture + 1);
  averages_[picture].resize(latents.size());
  return projected_velocity(latents, sigma, negative, prompt, settings_.scale, projection,
                            averages_[picture]);
}

Velocity ClassifierFreeGuidance::combined(const ContextVelocities& velocities) {
  const std::vector<int> contexts = this->contexts(velocities.index);
  const auto of = [&](int context) {
    const auto found = std::ranges::find(contexts, context);
    return found == contexts.end() ? std::span<const float>()
                                   : velocities.of.at(static_cast<std::size_t>(found - contexts.begin()));
  };
  const auto copy = [](std::span<const float> v) { return std::vector<float>(v.begin(), v.end()); };
  if (contexts.empty()) return std::vector<float>(velocities.latents.size());
  const std::span<const float> prompt = of(kPrompt), skipping = of(kSkipping);
  if (contexts.size() == 1) return copy(prompt);
  const std::span<const float> negative = of(kNegative).empty() ? skipping : of(kNegative);
  const bool third = contexts.size() > 2;

  const std::size_t count = velocities.latents.size() / static_cast<std::size_t>(velocities.pictures);
  std::vector<float> followed;
  for (std::int64_t i = 0; i < velocities.pictures; ++i) {
    const auto of_picture = [&](std::span<const float> all) {
      return all.subspan(static_cast<std::size_t>(i) * count, count);
    };
    std::vector<float> velocity =
        guided(of_picture(velocities.latents), velocities.sigma, of_picture(negative), of_picture(prompt), i);
    if (third) settings_.skip.add_to(velocity, of_picture(prompt), of_picture(skipping));
    if (settings_.rescale > 0) rescale_guidance(velocity, of_picture(prompt), settings_.rescale);
    followed.insert(followed.end(), velocity.begin(), velocity.end());
  }
  Velocity velocity = std::move(followed);
  velocity.negative = copy(negative);
  return velocity;
}

}  // namespace sd35
