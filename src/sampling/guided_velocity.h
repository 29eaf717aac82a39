// Formulas that make one velocity from those of the negative prompt and of the prompt, for one picture: all
// spans hold all of its values and have one size (Error otherwise). Sums are taken in f64.
#pragma once

#include <span>
#include <vector>

namespace sd35 {

// Classifier-free guidance (Ho and Salimans 2022): v_n + guidance_scale (v_p - v_n).
std::vector<float> guided_velocity(std::span<const float> negative, std::span<const float> positive,
                                   double guidance_scale);

// CFG-Zero* (Fan et al. 2025, arXiv 2503.18886): classifier-free guidance from the multiple of v_n that is
// nearest to v_p, a v_n with a = <v_p, v_n> / (|v_n|^2 + 1e-8).
std::vector<float> zero_star_velocity(std::span<const float> negative, std::span<const float> positive,
                                      double guidance_scale);

// Adaptive projected guidance (Sadat et al. 2024, arXiv 2410.02416, algorithm 1).
struct AdaptiveProjection {
  double eta = 0;       // share that is kept of the part along the prediction, which burns colours; 1: all
  double radius = 0;    // the longest that the difference may be; 0: any length
  double momentum = 0;  // of the differences of the evaluations before; below 0: away from them
};

// The velocity at `latents` and `sigma`. With the clean predictions D = x - sigma v of both prompts: the
// difference d = D_p - D_n, added to `momentum` times `average`, which keeps it for the next evaluation
// (zeros at first), is shortened to `radius`, its part along D_p is multiplied by `eta`, and D = D_p +
// (guidance_scale - 1) d. An eta of 1 with nothing else is classifier-free guidance.
std::vector<float> projected_velocity(std::span<const float> latents, float sigma,
                                      std::span<const float> negative, std::span<const float> positive,
                                      double guidance_scale, const AdaptiveProjection& projection,
                                      std::span<float> average);

// Guidance rescale (Lin et al. 2023, arXiv 2305.08891, section 3.4): multiplies the guided `velocity` by
// share std(v_p) / std(velocity) + 1 - share, so that its deviation comes nearer to that of the prompt's own.
void rescale_guidance(std::span<float> velocity, std::span<const float> positive, double share);

}  // namespace sd35
