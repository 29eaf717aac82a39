#include "sampling/sigmas.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace sd35 {
namespace {

// In T throughout: diffusers computes some of its sigmas in f32 and some in f64.
template <class T>
T shifted(T sigma, double shift) {
  return static_cast<T>(shift) * sigma / (1 + static_cast<T>(shift - 1) * sigma);
}

void check_shift(double shift) {
  if (!(shift > 0) || !std::isfinite(shift))
    throw ArgumentError("shift " + std::to_string(shift) + " is not a positive number; use 3");
}

}  // namespace

void check_steps(int steps, int num_train_timesteps) {
  if (steps < 1 || steps > num_train_timesteps)
    throw ArgumentError(std::to_string(steps) + " steps; use 1 to " + std::to_string(num_train_timesteps),
                        "num_inference_steps");
}

std::vector<float> flow_sigmas(int steps, double shift, int num_train_timesteps) {
  check_shift(shift);
  check_steps(steps, num_train_timesteps);
  const double trained = num_train_timesteps;
  // The ends of the range, as the scheduler's constructor leaves them (f32).
  const double first = trained * shifted(1.0f, shift);
  const double last = trained * shifted(1.0f / static_cast<float>(num_train_timesteps), shift);

  const double spacing = steps > 1 ? (last - first) / (steps - 1) : 0;
  std::vector<float> sigmas;
  for (int i = 0; i < steps; ++i) {
    const double timestep = i > 0 && i == steps - 1 ? last : i * spacing + first;
    // Small shifts round the first one up.
    sigmas.push_back(std::min(1.0f, static_cast<float>(shifted(timestep / trained, shift))));
  }
  sigmas.push_back(0);
  check_sigmas(sigmas);
  return sigmas;
}

double shift_of_size(std::int64_t image_tokens) {
  constexpr double kShift = 3, kTokens = 64 * 64;
  return kShift * std::sqrt(static_cast<double>(image_tokens) / kTokens);
}

std::vector<float> shift_sigmas(std::span<const float> custom, double shift) {
  check_shift(shift);
  std::vector<float> sigmas;
  for (const float sigma : custom) sigmas.push_back(shifted(sigma, shift));
  sigmas.push_back(0);
  check_sigmas(sigmas);
  return sigmas;
}

void check_sigmas(std::span<const float> sigmas) {
  if (sigmas.size() < 2) throw ArgumentError("no steps: at least two sigmas are needed");
  for (std::size_t i = 0; i < sigmas.size(); ++i) {
    const float above = i == 0 ? std::nextafter(1.0f, 2.0f) : sigmas[i - 1];
    if (!(sigmas[i] >= 0 && sigmas[i] < above))
      throw ArgumentError("sigma " + std::to_string(i) + " is " + std::to_string(sigmas[i]) +
                          "; sigmas must decrease strictly, from at most 1 to at least 0");
  }
}

}  // namespace sd35
