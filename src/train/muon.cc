#include "train/muon.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

namespace sd35::train {
namespace {

constexpr std::size_t kTogether = 32;  // matrices; bounds the memory of a step

at::Tensor matrix_of(const at::Tensor& flat, const FlatMatrix& m) {
  return flat.narrow(0, m.offset, m.rows * m.columns).view({m.rows, m.columns});
}

}  // namespace

at::Tensor orthogonalized(const at::Tensor& matrices) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  constexpr int iterations = 5;
  const bool tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = (tall ? matrices.transpose(1, 2) : matrices).to(at::kBFloat16).contiguous();
  x.div_(x.norm(2, {1, 2}, true).clamp_min(1e-7));
  for (int i = 0; i < iterations; ++i) {
    const at::Tensor gram = at::bmm(x, x.transpose(1, 2));
    const at::Tensor polynomial = at::baddbmm(gram, gram, gram, b, c);
    x = at::baddbmm(x, polynomial, x, a, 1);
  }
  return tall ? x.transpose(1, 2) : x;
}

Muon::Muon(const MuonOptions& options, std::vector<FlatMatrix> matrices) : options_(options) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<FlatMatrix>> by_shape;
  for (const FlatMatrix& m : matrices) {
    std::vector<FlatMatrix>& group = by_shape[{m.rows, m.columns}];
    group.push_back(m);
    if (group.size() == kTogether) groups_.push_back(std::exchange(group, {}));
  }
  for (auto& [shape, group] : by_shape)
    if (!group.empty()) groups_.push_back(std::move(group));
}

void Muon::step(at::Tensor values, const at::Tensor& gradients, at::Tensor momentum,
                double learning_rate) const {
  for (const std::vector<FlatMatrix>& group : groups_) {
    std::vector<at::Tensor> ahead;  // Nesterov's
    for (const FlatMatrix& m : group) {
      const at::Tensor gradient = matrix_of(gradients, m);
      at::Tensor mean = matrix_of(momentum, m);
      mean.lerp_(gradient, 1 - options_.momentum);
      ahead.push_back(gradient.lerp(mean, options_.momentum));
    }
    const at::Tensor updates = orthogonalized(at::stack(ahead));
    const double size = 0.2 * std::sqrt(static_cast<double>(std::max(group[0].rows, group[0].columns)));
    for (std::size_t i = 0; i < group.size(); ++i)
      matrix_of(values, group[i])
          .mul_(1 - learning_rate * options_.weight_decay)
          .add_(updates[static_cast<std::int64_t>(i)], -learning_rate * size);
  }
}

}  // namespace sd35::train
