// Noise levels of the rectified flow: x_sigma = (1 - sigma) x_0 + sigma noise, sigma from 1 down to 0.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "core/location.h"

namespace sd35 {

// scheduler/scheduler_config.json of the diffusers layout (FlowMatchEulerDiscreteScheduler).
struct SchedulerConfig {
  int num_train_timesteps = 1000;
  double shift = 3.0;

  // Absent keys have diffusers' defaults (shift 1, 1000 timesteps). Throws FileError naming `location` and
  // the key when a value is impossible, the class is another one, or an option is set that changes the sigmas
  // in a way that is not supported.
  static SchedulerConfig from_json(const nlohmann::json& json, const Location& location);
};

// Throws ArgumentError unless `steps` is 1 to `num_train_timesteps`.
void check_steps(int steps, int num_train_timesteps);

// The sigmas of `steps` steps, [steps + 1]: strictly decreasing from 1, the last one 0. Bit for bit those of
// FlowMatchEulerDiscreteScheduler.set_timesteps, which shifts twice: once the range that the steps divide,
// once the steps (Esser et al. 2024, section 5.3.2: sigma -> shift sigma / (1 + (shift - 1) sigma)). Throws
// ArgumentError unless 1 <= steps <= num_train_timesteps and shift is positive and finite.
std::vector<float> flow_sigmas(int steps, double shift = 3.0, int num_train_timesteps = 1000);

// The shift for pictures of `image_tokens` tokens (Esser et al. 2024, section 5.3.2): 3 at 1024 x 1024, where
// the noise hides as much of a picture as without a shift at a third of its side.
double shift_of_size(std::int64_t image_tokens);

// The sigmas that set_timesteps(sigmas=custom) uses: shifted once, 0 appended. `custom` must be strictly
// decreasing within (0, 1]; throws ArgumentError otherwise.
std::vector<float> shift_sigmas(std::span<const float> custom, double shift = 3.0);

// The time that the network is given at `sigma`.
inline float timestep_at(float sigma, int num_train_timesteps = 1000) {
  return sigma * static_cast<float>(num_train_timesteps);
}

// Throws ArgumentError unless there are at least two sigmas, strictly decreasing within [0, 1].
void check_sigmas(std::span<const float> sigmas);

}  // namespace sd35
