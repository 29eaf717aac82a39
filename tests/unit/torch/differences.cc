#include "tests/unit/torch/differences.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>

#include "ops/torch/torch_ops.h"
#include "tests/unit/ops/op_cases.h"

namespace sd35 {
namespace {

// Half the distance between the two evaluations: the rounding errors of f64 over it and its square are
// equally small.
constexpr double kStep = 1e-5;

at::Tensor gradient_of(const at::Tensor& leaf) {
  return leaf.grad().defined() ? leaf.grad() : at::zeros_like(leaf);
}

void run_backward(const std::vector<at::Tensor>& leaves, const std::function<at::Tensor()>& loss) {
  for (at::Tensor leaf : leaves) leaf.mutable_grad() = at::Tensor();
  loss().backward();
}

}  // namespace

at::Tensor leaf(const Shape& shape, unsigned seed, double scale) {
  return (scale * to_torch(random_tensor(shape, seed)).to(at::kDouble)).set_requires_grad(true);
}

at::Tensor random_sum(const std::vector<Tensor>& results) {
  at::Tensor sum = at::zeros({}, at::kDouble);
  for (std::size_t i = 0; i < results.size(); ++i)
    if (results[i].defined())
      sum = sum + (to_torch(results[i]) *
                   to_torch(random_tensor(results[i].shape(), 100 + static_cast<unsigned>(i))))
                      .sum();
  return sum;
}

double gradient_error(const std::vector<at::Tensor>& leaves, const std::function<at::Tensor()>& loss) {
  run_backward(leaves, loss);
  double largest = 0, worst = 0;
  for (const at::Tensor& leaf : leaves) {
    const at::Tensor analytic = gradient_of(leaf).contiguous();
    largest = std::max(largest, analytic.abs().max().item<double>());
    for (std::int64_t i = 0; i < leaf.numel(); ++i) {
      double& element = leaf.data_ptr<double>()[i];
      const double value = element;
      element = value + kStep;
      const double above = loss().item<double>();
      element = value - kStep;
      const double below = loss().item<double>();
      element = value;
      const double difference = (above - below) / (2 * kStep);
      const double error = std::abs(difference - analytic.data_ptr<double>()[i]);
      worst = error <= worst ? worst : error;  // a NaN stays
    }
  }
  return worst / largest;
}

double directional_error(const std::vector<at::Tensor>& leaves, const std::function<at::Tensor()>& loss) {
  run_backward(leaves, loss);
  std::vector<at::Tensor> direction;
  double length = 0, analytic = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Shape shape(std::vector<std::int64_t>(leaves[i].sizes().begin(), leaves[i].sizes().end()));
    direction.push_back(to_torch(random_tensor(shape, 1000 + static_cast<unsigned>(i))).to(at::kDouble));
    length += direction.back().square().sum().item<double>();
    analytic += (direction.back() * gradient_of(leaves[i])).sum().item<double>();
  }
  const double step = kStep / std::sqrt(length);
  const auto loss_at = [&](double distance) {
    const c10::NoGradGuard no_gradients;
    for (std::size_t i = 0; i < leaves.size(); ++i) at::Tensor(leaves[i]).add_(direction[i], distance);
    const double value = loss().item<double>();
    for (std::size_t i = 0; i < leaves.size(); ++i) at::Tensor(leaves[i]).sub_(direction[i], distance);
    return value;
  };
  const double difference = (loss_at(step) - loss_at(-step)) / (2 * step);
  return std::abs(difference - analytic) / std::abs(analytic);
}

}  // namespace sd35
