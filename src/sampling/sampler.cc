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
constexpr Name kNames[] = {
    {"euler", SamplerKind::euler}, {"heun", SamplerKind::heun}, {"dpm++2m", SamplerKind::dpmpp_2m}};

// One run: step() moves x from sigmas[i] to sigmas[i + 1].
class Solver {
 public:
  Solver(std::span<const float> sigmas, std::span<float> x, const Denoiser& denoise)
      : sigmas_(sigmas), x_(x), denoise_(denoise) {}
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

  std::span<const float> sigmas_;
  std::span<float> x_;

 private:
  const Denoiser& denoise_;
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

template <class Method>
void run(std::span<const float> sigmas, std::span<float> latents, const Denoiser& denoise,
         const StepCallback& on_step, std::size_t first_step) {
  Method solver(sigmas, latents, denoise);
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

void sample(SamplerKind kind, std::span<const float> sigmas, std::span<float> latents,
            const Denoiser& denoise, const StepCallback& on_step, int first_step) {
  check_sigmas(sigmas);
  const auto first = static_cast<std::size_t>(first_step);
  if (first_step < 0 || first + 1 >= sigmas.size())
    throw ArgumentError("step " + std::to_string(first_step) + " is not one of " +
                        std::to_string(sigmas.size() - 1) + " steps");
  switch (kind) {
    case SamplerKind::euler:
      return run<Euler>(sigmas, latents, denoise, on_step, first);
    case SamplerKind::heun:
      return run<Heun>(sigmas, latents, denoise, on_step, first);
    case SamplerKind::dpmpp_2m:
      return run<DpmSolverPlusPlus2M>(sigmas, latents, denoise, on_step, first);
  }
}

}  // namespace sd35
