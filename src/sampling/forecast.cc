#include "sampling/forecast.h"

#include <cstddef>

#include "core/error.h"

namespace sd35 {
namespace {

// A line. One point (the velocity before), three (a parabola), and Chebyshev polynomials fitted to more all
// end further from the picture of all steps (docs/quality-and-cost.md).
constexpr std::size_t kPoints = 2;
constexpr int kFirstComputed = 3;

}  // namespace

bool Forecast::computes(int step) const {
  const int done = step - first_step_;
  return done < kFirstComputed || step + 1 >= steps_ || (done - kFirstComputed) % interval_ == interval_ - 1;
}

void Forecast::add(float sigma, std::span<const float> velocity) {
  // A sampler may ask twice at one sigma, first with a rough picture.
  if (!known_.empty() && known_.back().sigma == sigma) known_.pop_back();
  known_.push_back({sigma, {velocity.begin(), velocity.end()}});
  if (known_.size() > kPoints) known_.pop_front();
}

std::vector<float> Forecast::at(float sigma) const {
  if (known_.empty()) throw Error("forecast: nothing is known");
  std::vector<float> velocity(known_.front().velocity.size());
  for (const Known& one : known_) {
    double share = 1;  // Lagrange
    for (const Known& other : known_)
      if (other.sigma != one.sigma) share *= (sigma - other.sigma) / (one.sigma - other.sigma);
    for (std::size_t k = 0; k < velocity.size(); ++k)
      velocity[k] += static_cast<float>(share) * one.velocity[k];
  }
  return velocity;
}

}  // namespace sd35
