#include "train/optimizers/muon.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/cpu.h"

namespace sd35::train {
namespace {

constexpr std::int64_t kTogether = 32;  // matrices; bounds the memory of a step

// beta sum + alpha p q in bf16, with inner sums in f32. LibTorch rounds those to bf16 if a CPU has no bf16
// instructions.
at::Tensor product(const at::Tensor& sum, const at::Tensor& p, const at::Tensor& q, double beta,
                   double alpha) {
  if (!p.is_cpu() || has_bf16_instructions()) return at::baddbmm(sum, p, q, beta, alpha);
  const auto wide = [](const at::Tensor& x) { return x.to(at::kFloat); };
  return at::baddbmm(wide(sum), wide(p), wide(q), beta, alpha).to(at::kBFloat16);
}

}  // namespace

at::Tensor orthogonalized(const at::Tensor& matrices) {
  constexpr double a = 3.4445, b = -4.7750, c = 2.0315;
  constexpr int iterations = 5;
  const bool tall = matrices.size(1) > matrices.size(2);
  at::Tensor x = (tall ? matrices.transpose(1, 2) : matrices).to(at::kBFloat16).contiguous();
  x.div_(x.norm(2, {1, 2}, true).clamp_min(1e-7));
  for (int i = 0; i < iterations; ++i) {
    const at::Tensor square = at::zeros({x.size(0), x.size(1), x.size(1)}, x.options());
    const at::Tensor gram = product(square, x, x.transpose(1, 2), 0, 1);
    const at::Tensor polynomial = product(gram, gram, gram, b, c);
    x = product(x, polynomial, x, a, 1);
  }
  return tall ? x.transpose(1, 2) : x;
}

Muon::Muon(const MuonOptions& options, std::vector<FlatMatrices> matrices)
    : options_(options), matrices_(std::move(matrices)) {}

void Muon::step(at::Tensor values, const at::Tensor& gradients, at::Tensor momentum,
                double learning_rate) const {
  for (const FlatMatrices& m : matrices_)
    for (std::int64_t first = 0; first < m.count; first += kTogether) {
      const std::int64_t count = std::min(kTogether, m.count - first), each = m.rows * m.columns;
      const auto part = [&](const at::Tensor& flat) {
        return flat.narrow(0, m.offset + first * each, count * each).view({count, m.rows, m.columns});
      };
      at::Tensor mean = part(momentum), value = part(values);
      const at::Tensor gradient = part(gradients);
      mean.lerp_(gradient, 1 - options_.momentum);
      const at::Tensor ahead = gradient.lerp(mean, options_.momentum);  // Nesterov's
      const double size = 0.2 * std::sqrt(static_cast<double>(std::max(m.rows, m.columns)));
      value.mul_(1 - learning_rate * options_.weight_decay)
          .add_(orthogonalized(ahead), -learning_rate * size);
    }
}

}  // namespace sd35::train
