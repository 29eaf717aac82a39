#include "sampling/guided_velocity.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"

namespace sd35 {
namespace {

void check_sizes(const char* formula, std::initializer_list<std::size_t> sizes) {
  if (std::ranges::any_of(sizes, [&](std::size_t size) { return size != *sizes.begin(); }))
    throw Error(std::string(formula) + ": velocities of different sizes");
}

double dot(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += double{a[k]} * b[k];
  return sum;
}

// With n - 1 in the denominator, as torch's.
double deviation(std::span<const float> values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const float value : values) sum += value;
  for (const float value : values) squares += (value - sum / count) * (value - sum / count);
  return std::sqrt(squares / (count - 1));
}

}  // namespace

std::vector<float> guided_velocity(std::span<const float> negative, std::span<const float> positive,
                                   double guidance_scale) {
  check_sizes("guided_velocity", {negative.size(), positive.size()});
  const auto scale = static_cast<float>(guidance_scale);
  std::vector<float> velocity(negative.size());
  for (std::size_t k = 0; k < velocity.size(); ++k)
    velocity[k] = negative[k] + scale * (positive[k] - negative[k]);
  return velocity;
}

std::vector<float> zero_star_velocity(std::span<const float> negative, std::span<const float> positive,
                                      double guidance_scale) {
  check_sizes("zero_star_velocity", {negative.size(), positive.size()});
  constexpr double kTiny = 1e-8;  // what the authors add
  const auto a = static_cast<float>(dot(positive, negative) / (dot(negative, negative) + kTiny));
  std::vector<float> nearest(negative.begin(), negative.end());
  for (float& value : nearest) value *= a;
  return guided_velocity(nearest, positive, guidance_scale);
}

std::vector<float> projected_velocity(std::span<const float> latents, float sigma,
                                      std::span<const float> negative, std::span<const float> positive,
                                      double guidance_scale, const AdaptiveProjection& projection,
                                      std::span<float> average) {
  const std::size_t count = latents.size();
  check_sizes("projected_velocity", {count, negative.size(), positive.size(), average.size()});
  std::vector<float> prediction(count);  // D_p
  for (std::size_t k = 0; k < count; ++k) {
    prediction[k] = latents[k] - sigma * positive[k];
    // D_p - D_n, where the latents cancel.
    average[k] = sigma * (negative[k] - positive[k]) + static_cast<float>(projection.momentum) * average[k];
  }
  const double length = std::sqrt(dot(average, average)), squared = dot(prediction, prediction);
  const double shorter = projection.radius > 0 && length > projection.radius ? projection.radius / length : 1;
  const double along = squared > 0 ? dot(average, prediction) / squared : 0;
  const double factor = (guidance_scale - 1) * shorter / sigma;
  std::vector<float> velocity(count);
  for (std::size_t k = 0; k < count; ++k) {
    const double difference = average[k] - (1 - projection.eta) * along * prediction[k];
    velocity[k] = static_cast<float>(positive[k] - factor * difference);
  }
  return velocity;
}

void rescale_guidance(std::span<float> velocity, std::span<const float> positive, double share) {
  check_sizes("rescale_guidance", {velocity.size(), positive.size()});
  const double now = deviation(velocity);
  if (!(now > 0)) return;  // nothing to scale
  const auto factor = static_cast<float>(share * deviation(positive) / now + 1 - share);
  for (float& value : velocity) value *= factor;
}

}  // namespace sd35
