// Compiled without contraction of a * b + c (src/CMakeLists.txt), so that the Euler steps are torch's to the
// last bit on every machine.
#include "sampling/sampler.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "sampling/sigmas.h"

namespace sd35 {
namespace {

struct Name {
  std::string_view name;
  SamplerKind kind;
};
constexpr Name kNames[] = {{"euler", SamplerKind::euler},
                           {"heun", SamplerKind::heun},
                           {"dpm++2m", SamplerKind::dpmpp_2m},
                           {"euler_a", SamplerKind::euler_ancestral},
                           {"lcm", SamplerKind::lcm}};

// One run: step() moves x from sigmas[i] to sigmas[i + 1].
class Solver {
 public:
  Solver(std::span<const float> sigmas, std::span<float> x, const Denoiser& denoise, const NoiseSource& noise)
      : sigmas_(sigmas), x_(x), denoise_(denoise), noise_(noise) {}
  virtual ~Solver() = default;
  virtual void step(std::size_t i) = 0;

 protected:
  std::vector<float> velocity(std::span<const float> x, std::size_t i) const {
    std::vector<float> v = denoise_(x, sigmas_[i], static_cast<int>(i)).followed;
    if (v.size() != x.size())
      throw Error("the denoiser returned " + std::to_string(v.size()) + " values for " +
                  std::to_string(x.size()) + " latents");
    if (!std::all_of(v.begin(), v.end(), [](float value) { return std::isfinite(value); }))
      throw NumericError("the denoiser produced NaN or infinity at sigma " + std::to_string(sigmas_[i]) +
                         " (step " + std::to_string(i + 1) + ")");
    return v;
  }

  // x = keep x + scale z for new noise z.
  void add_noise(float keep, float scale) {
    std::vector<float> noise(x_.size());
    noise_(noise);
    for (std::size_t k = 0; k < x_.size(); ++k) x_[k] = keep * x_[k] + scale * noise[k];
  }

  std::span<const float> sigmas_;
  std::span<float> x_;

 private:
  const Denoiser& denoise_;
  const NoiseSource& noise_;
};

class Euler : public Solver {
 public:
  using Solver::Solver;
  void step(std::size_t i) override {
    const std::vector<float> v = velocity(x_, i);
    const float dt = sigmas_[i + 1] - sigmas_[i];
    for (std::size_t k = 0; k < x_.size(); ++k) x_[k] += dt * v[k];
  }
};

class Heun : public Solver {
 public:
  using Solver::Solver;
  void step(std::size_t i) override {
    std::vector<float> v = velocity(x_, i);
    const float dt = sigmas_[i + 1] - sigmas_[i];
    // The scheduler has no evaluation at sigma 0: its last step is Euler's.
    if (sigmas_[i + 1] > 0) {
      std::vector<float> predicted(x_.begin(), x_.end());
      for (std::size_t k = 0; k < x_.size(); ++k) predicted[k] += dt * v[k];
      const std::vector<float> v_end = velocity(predicted, i + 1);
      for (std::size_t k = 0; k < x_.size(); ++k) v[k] = 0.5f * (v[k] + v_end[k]);
    }
    for (std::size_t k = 0; k < x_.size(); ++k) x_[k] += dt * v[k];
  }
};

// Exact in the linear part of the ODE written for the prediction D of x_0, in time tau = -ln sigma:
// x' = (s'/s) x + (1 - s'/s) D*, with D* = D extrapolated linearly in tau to the middle of the step.
class DpmSolverPlusPlus2M : public Solver {
 public:
  using Solver::Solver;
  void step(std::size_t i) override {
    const float sigma = sigmas_[i];
    std::vector<float> x0 = velocity(x_, i);
    for (std::size_t k = 0; k < x_.size(); ++k) x0[k] = x_[k] - sigma * x0[k];

    // Half the step over the one before; 0 keeps the first order, if there is no step before or after.
    double extrapolation = 0;
    if (!x0_before_.empty() && sigmas_[i + 1] > 0)
      extrapolation = std::log(sigma / double{sigmas_[i + 1]}) / std::log(double{sigmas_[i - 1]} / sigma) / 2;
    const double ratio = double{sigmas_[i + 1]} / sigma;
    const auto keep = static_cast<float>(ratio);
    const auto now = static_cast<float>((1 - ratio) * (1 + extrapolation));
    const auto before = static_cast<float>((1 - ratio) * -extrapolation);
    if (extrapolation == 0) x0_before_ = x0;
    for (std::size_t k = 0; k < x_.size(); ++k) x_[k] = keep * x_[k] + now * x0[k] + before * x0_before_[k];
    x0_before_ = std::move(x0);
  }

 private:
  std::vector<float> x0_before_;
};

// With eta 1: Euler to the level d = s' s'/s, then noise so that signal and noise are those of level s'.
class EulerAncestral : public Solver {
 public:
  using Solver::Solver;
  void step(std::size_t i) override {
    const std::vector<float> v = velocity(x_, i);
    const double from = sigmas_[i], to = sigmas_[i + 1], down = to * to / from;
    const auto dt = static_cast<float>(down - from);
    for (std::size_t k = 0; k < x_.size(); ++k) x_[k] += dt * v[k];
    if (to == 0) return;
    const double keep = (1 - to) / (1 - down);
    add_noise(static_cast<float>(keep), static_cast<float>(std::sqrt(to * to - down * keep * down * keep)));
  }
};

class Lcm : public Solver {
 public:
  using Solver::Solver;
  void step(std::size_t i) override {
    const std::vector<float> v = velocity(x_, i);
    for (std::size_t k = 0; k < x_.size(); ++k) x_[k] -= sigmas_[i] * v[k];
    if (sigmas_[i + 1] > 0) add_noise(1 - sigmas_[i + 1], sigmas_[i + 1]);
  }
};

template <class Method>
void run(std::span<const float> sigmas, std::span<float> latents, const Denoiser& denoise,
         const StepCallback& on_step, std::size_t first_step, const NoiseSource& noise) {
  Method solver(sigmas, latents, denoise, noise);
  for (std::size_t i = first_step; i + 1 < sigmas.size(); ++i) {
    solver.step(i);
    if (on_step) on_step(static_cast<int>(i) + 1, latents);
  }
}

}  // namespace

SamplerKind sampler_from_name(std::string_view name) {
  std::string known;
  for (const Name& entry : kNames) {
    if (entry.name == name) return entry.kind;
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  throw ArgumentError("unknown sampler '" + std::string(name) + "'; known: " + known);
}

bool adds_noise(SamplerKind kind) { return kind == SamplerKind::euler_ancestral || kind == SamplerKind::lcm; }

void sample(SamplerKind kind, std::span<const float> sigmas, std::span<float> latents,
            const Denoiser& denoise, const StepCallback& on_step, int first_step, const NoiseSource& noise) {
  check_sigmas(sigmas);
  const auto first = static_cast<std::size_t>(first_step);
  if (first_step < 0 || first + 1 >= sigmas.size())
    throw ArgumentError("step " + std::to_string(first_step) + " is not one of " +
                        std::to_string(sigmas.size() - 1) + " steps");
  if (adds_noise(kind) && !noise) throw Error("a sampler that adds noise was given none");
  switch (kind) {
    case SamplerKind::euler:
      return run<Euler>(sigmas, latents, denoise, on_step, first, noise);
    case SamplerKind::heun:
      return run<Heun>(sigmas, latents, denoise, on_step, first, noise);
    case SamplerKind::dpmpp_2m:
      return run<DpmSolverPlusPlus2M>(sigmas, latents, denoise, on_step, first, noise);
    case SamplerKind::euler_ancestral:
      return run<EulerAncestral>(sigmas, latents, denoise, on_step, first, noise);
    case SamplerKind::lcm:
      return run<Lcm>(sigmas, latents, denoise, on_step, first, noise);
  }
}

}  // namespace sd35
