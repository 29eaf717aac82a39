// How the velocities of several forwards become the one that is followed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sampling/guided_velocity.h"

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
  std::span<const float> latents;  // of all pictures, one after another
  float sigma = 0;
  int index = 0;  // of the sigma
  std::vector<std::span<const float>> of;
  std::int64_t pictures = 1;
};

// Which contexts (prompts, each perhaps with some blocks left out) an evaluation runs, and what their
// velocities become. Called by the thread that denoises; one object serves one run.
class Guidance {
 public:
  virtual ~Guidance() = default;
  // Numbers of contexts, ascending, for the evaluation at sigma number `index`; none where combined() needs
  // no forward.
  virtual std::vector<int> contexts(int index) const = 0;
  // From those of contexts(velocities.index).
  virtual Velocity combined(const ContextVelocities& velocities) = 0;
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

// Skip-layer guidance of Stable Diffusion 3.5 Medium: a third forward with the positive prompt leaves out
// some blocks, and the guided velocity moves away from it. Only together with classifier-free guidance, as in
// diffusers' StableDiffusion3Pipeline.
struct SkipLayerGuidance {
  std::vector<int> layers;  // blocks left out; empty: off
  double scale = 2.8;
  double start = 0.01;  // fraction of the steps, exclusive
  double stop = 0.2;    // fraction of the steps, exclusive
  // The negative prompt's forward leaves the blocks out, instead of a third one: `scale` has no part in it.
  bool in_negative = false;

  // Whether step `step` (from 0) of `steps` has a forward without the blocks.
  bool active(int step, int steps) const {
    return !layers.empty() && step > steps * start && step < steps * stop;
  }

  // velocity += scale (positive - skipped). The spans have one size.
  void add_to(std::span<float> velocity, std::span<const float> positive,
              std::span<const float> skipped) const;
};

// The forms of guidance that may go together.
struct GuidanceSettings {
  double scale = 1;
  int steps = 1;  // in all
  GuidanceInterval interval = {};
  SkipLayerGuidance skip = {};
  bool zero_star = false;  // CFG-Zero* instead of classifier-free guidance
  int zero_steps = 0;  // the first steps of all, which have no velocity: they leave the latents as they are
  // Instead of classifier-free guidance; the radius is that of a picture of 1024 x 1024 pixels, and grows
  // with the root of the number of values.
  std::optional<AdaptiveProjection> projection = {};
  double rescale = 0;  // rescale_guidance(), after everything else
};

// Context 0 is the negative prompt, 1 the prompt, 2 the one without the layers of `skip`: the prompt or, with
// `skip.in_negative`, the negative prompt.
class ClassifierFreeGuidance : public Guidance {
 public:
  static constexpr int kNegative = 0, kPrompt = 1, kSkipping = 2;

  explicit ClassifierFreeGuidance(GuidanceSettings settings) : settings_(std::move(settings)) {}

  std::vector<int> contexts(int index) const override;
  Velocity combined(const ContextVelocities& velocities) override;

 private:
  // Of picture `number`.
  std::vector<float> guided(std::span<const float> latents, float sigma, std::span<const float> negative,
                            std::span<const float> prompt, std::int64_t number);

  GuidanceSettings settings_;
  std::vector<std::vector<float>> averages_;  // of the projection, by picture
};

}  // namespace sd35
