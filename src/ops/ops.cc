// What engines need not say for themselves.
#include "ops/ops.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/buffer_pool.h"
#include "core/ceiling.h"
#include "ops/checks.h"

namespace sd35 {

std::string Ops::identity() const {
  return std::string(name()) + " " + device().name + " " + std::string(name_of(compute_type()));
}

double Ops::ceiling_gflops() const {
  return product_type() == DType::bf16 ? bf16_ceiling_gflops() : f32_ceiling_gflops();
}

void Ops::trim() const { trim_pool(); }

void Ops::prepare(Linear& /*linear*/, Reuse /*reuse*/) const {}
void Ops::prepare(Conv2d& /*conv*/) const {}

void Ops::attach(Linear& linear, std::vector<LowRankUpdate> updates) const {
  checks::updates(linear, updates);
  linear.updates = std::move(updates);
}

Tensor Ops::subtract(const Tensor& x, const Tensor& y) const {
  checks::same_shape("subtract", x, y);
  Tensor result(x.shape(), DType::f32);
  std::ranges::transform(x.floats(), y.floats(), result.data<float>(), std::minus());
  return result;
}

bool Ops::nearly_equal(const Tensor& x, const Tensor& y, double threshold) const {
  checks::same_shape("nearly_equal", x, y);
  const auto values = x.floats(), references = y.floats();
  double difference = 0, size = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    difference += std::abs(static_cast<double>(values[i]) - references[i]);
    size += std::abs(static_cast<double>(references[i]));
  }
  return difference < threshold * size;
}

}  // namespace sd35
