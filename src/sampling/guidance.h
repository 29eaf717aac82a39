// How the velocities of several forwards become the one that is followed.
#pragma once

#include <span>
#include <utility>
#include <vector>

namespace sd35 {

// What a sampler follows at one time.
struct Velocity {
  Velocity(std::vector<float> v) : followed(std::move(v)) {}  // NOLINT: implicit from a single velocity

  std::vector<float> followed;
  // That of the negative prompt, for samplers that use it separately; empty if no forward had it.
  std::vector<float> negative;
};

// The velocities of one evaluation, one per context that was run, each of the latents' size.
struct ContextVelocities {
  std::span<const float> latents;
  float sigma = 0;
  int index = 0;  // of the sigma
  std::vector<std::span<const float>> of;
};

// Which contexts (prompts, each perhaps with some blocks left out) an evaluation runs, and what their
// velocities become. Called by the thread that denoises.
class Guidance {
 public:
  virtual ~Guidance() = default;
  // Numbers of contexts, ascending, for the evaluation at sigma number `index`.
  virtual std::vector<int> contexts(int index) const = 0;
  // From those of contexts(velocities.index).
  virtual Velocity combined(const ContextVelocities& velocities) const = 0;
};

// A scale of 1 or less runs the prompt alone.
inline bool guidance_enabled(double guidance_scale) { return guidance_scale > 1; }

// The steps that are guided (Kynkaanniemi et al. 2024, "Applying guidance in a limited interval"): the others
// run the prompt alone, in half the time.
struct GuidanceInterval {
  double start = 0;  // fraction of the steps, inclusive
  double stop = 1;   // fraction of the steps, exclusive

  // Whether step `step` (from 0) of `steps` is guided.
  bool active(int step, int steps) const { return step >= steps * start && step < steps * stop; }
};

// Classifier-free guidance (Ho and Salimans 2022): v_n + guidance_scale (v_p - v_n), from the velocities of
// the negative and the positive prompt. The spans have one size.
std::vector<float> guided_velocity(std::span<const float> negative, std::span<const float> positive,
                                   double guidance_scale);

// Skip-layer guidance of Stable Diffusion 3.5 Medium: a third forward with the positive prompt leaves out
// some blocks, and the guided velocity moves away from it. Only together with classifier-free guidance, as in
// diffusers' StableDiffusion3Pipeline.
struct SkipLayerGuidance {
  std::vector<int> layers;  // blocks left out; empty: off
  double scale = 2.8;
  double start = 0.01;  // fraction of the steps, exclusive
  double stop = 0.2;    // fraction of the steps, exclusive

  // Whether step `step` (from 0) of `steps` has the third forward.
  bool active(int step, int steps) const {
    return !layers.empty() && step > steps * start && step < steps * stop;
  }

  // velocity += scale (positive - skipped). The spans have one size.
  void add_to(std::span<float> velocity, std::span<const float> positive,
              std::span<const float> skipped) const;
};

// Both in one: context 0 is the negative prompt, 1 the prompt, 2 the prompt without the layers of `skip`.
class ClassifierFreeGuidance : public Guidance {
 public:
  static constexpr int kNegative = 0, kPrompt = 1, kSkipping = 2;

  // Of `steps` steps in all.
  ClassifierFreeGuidance(double scale, int steps, GuidanceInterval interval = {}, SkipLayerGuidance skip = {})
      : scale_(scale), steps_(steps), interval_(interval), skip_(std::move(skip)) {}

  std::vector<int> contexts(int index) const override;
  Velocity combined(const ContextVelocities& velocities) const override;

 private:
  double scale_;
  int steps_;
  GuidanceInterval interval_;
  SkipLayerGuidance skip_;
};

}  // namespace sd35
