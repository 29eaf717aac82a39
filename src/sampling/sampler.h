// Solvers of the rectified flow's ODE dx / dsigma = v(x, sigma), from noise at sigma 1 to a picture at sigma
// 0.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "sampling/guidance.h"

namespace sd35 {

enum class SamplerKind : std::uint8_t {
  euler,     // first order, one evaluation per step (FlowMatchEulerDiscreteScheduler)
  heun,      // second order, two evaluations per step, one in the last (FlowMatchHeunDiscreteScheduler)
  dpmpp_2m,  // second order, one evaluation per step (DPM-Solver++ 2M, Lu et al. 2022, algorithm 2, on the
             // flow)
  euler_ancestral,  // Euler below the next level of noise, then new noise up to it (k-diffusion's ancestral
                    // step with eta 1, on the flow)
  lcm,              // the predicted picture with new noise (FlowMatchLCMScheduler): for distilled models
};

// "euler", "heun", "dpm++2m", "euler_a" or "lcm". Throws ArgumentError naming them.
SamplerKind sampler_from_name(std::string_view name);

// The velocity v = noise - x_0 that the network predicts for `latents` at `sigma`, of the same size.
// `index` is sigma's place in the list of sigmas: the step, except in Heun's second evaluation, which looks
// at the end of its step.
using Denoiser = std::function<Velocity(std::span<const float> latents, float sigma, int index)>;

// Fills `noise`, of the latents' size, with new numbers of the standard normal distribution.
using NoiseSource = std::function<void(std::span<float> noise)>;

// Whether it asks for noise: once in each step that does not end at sigma 0.
bool adds_noise(SamplerKind kind);

// Called after each step with the number of steps done; may change the latents, and throw to stop.
using StepCallback = std::function<void(int steps_done, std::span<float> latents)>;

// Moves `latents` from sigmas[first_step] to sigmas.back() in sigmas.size() - 1 - first_step steps, in place.
// They may be those of several pictures one after another: every value is moved independently.
// Throws ArgumentError for sigmas that do not decrease within [0, 1] (see check_sigmas) and for a first step
// that is not one of theirs, NumericError naming the step when a velocity holds NaN or infinity, Error when
// it has another size than the latents or when there is no `noise` for a sampler that adds some; what the
// callbacks throw passes through. After an exception the
// latents are those of the last whole step.
void sample(SamplerKind kind, std::span<const float> sigmas, std::span<float> latents,
            const Denoiser& denoise, const StepCallback& on_step = {}, int first_step = 0,
            const NoiseSource& noise = {});

}  // namespace sd35
