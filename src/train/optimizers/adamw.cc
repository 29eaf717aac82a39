#include "train/optimizers/adamw.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/threads.h"

namespace sd35::train {
namespace {

struct Coefficients {
  float keep1, take1;  // of the moments
  float keep2, take2;
  float step_size, root_correction, eps;
};

// One pass over memory; LibTorch's operations would take ten.
void update_on_host(const Coefficients& c, float keep, float* value, const float* gradient, float* first,
                    float* second, std::int64_t count) {
  parallel_for(count, 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const float g = gradient[i];
      first[i] = c.keep1 * first[i] + c.take1 * g;
      second[i] = c.keep2 * second[i] + c.take2 * g * g;
      value[i] =
          keep * value[i] - c.step_size * first[i] / (std::sqrt(second[i]) * c.root_correction + c.eps);
    }
  });
}

void update_on_device(const Coefficients& c, float keep, at::Tensor value, const at::Tensor& gradient,
                      at::Tensor first, at::Tensor second) {
  first.mul_(c.keep1).add_(gradient, c.take1);
  second.mul_(c.keep2).addcmul_(gradient, gradient, c.take2);
  value.mul_(keep).addcdiv_(first, second.sqrt().mul_(c.root_correction).add_(c.eps), -c.step_size);
}

}  // namespace

AdamW::AdamW(const AdamWOptions& options, const at::Tensor& values)
    : options_(options), first_moment_(at::zeros_like(values)), second_moment_(at::zeros_like(values)) {}

void AdamW::step(at::Tensor values, const at::Tensor& gradients, std::int64_t begin, std::int64_t decayed,
                 std::int64_t update, double learning_rate) {
  const double t = static_cast<double>(update);
  const double correction1 = 1 - std::pow(options_.beta1, t), correction2 = 1 - std::pow(options_.beta2, t);
  const Coefficients c{static_cast<float>(options_.beta1),
                       static_cast<float>(1 - options_.beta1),
                       static_cast<float>(options_.beta2),
                       static_cast<float>(1 - options_.beta2),
                       static_cast<float>(learning_rate / correction1),
                       static_cast<float>(1 / std::sqrt(correction2)),
                       static_cast<float>(options_.eps)};
  const auto update_range = [&](std::int64_t first, std::int64_t count, double weight_decay) {
    const auto part = [&](const at::Tensor& flat) { return flat.narrow(0, first, count); };
    const auto keep = static_cast<float>(1 - learning_rate * weight_decay);
    if (count == 0) return;
    if (values.is_cpu())
      update_on_host(c, keep, part(values).data_ptr<float>(), part(gradients).data_ptr<float>(),
                     part(first_moment_).data_ptr<float>(), part(second_moment_).data_ptr<float>(), count);
    else
      update_on_device(c, keep, part(values), part(gradients), part(first_moment_), part(second_moment_));
  };
  update_range(begin, decayed - begin, options_.weight_decay);
  update_range(decayed, values.numel() - decayed, 0);
}

double LearningRateSchedule::factor(std::int64_t update) const {
  if (update < warmup_steps) return static_cast<double>(update + 1) / static_cast<double>(warmup_steps);
  if (schedule == "constant") return 1;
  const double rest = static_cast<double>(std::max<std::int64_t>(1, total_steps - warmup_steps));
  const double done = std::min(1.0, static_cast<double>(update - warmup_steps) / rest);
  return schedule == "linear" ? 1 - done : (1 + std::cos(std::numbers::pi * done)) / 2;
}

double ema_decay(double decay, std::int64_t update) {
  const double t = static_cast<double>(update);
  return update == 0 ? 0 : std::min(decay, (1 + t) / (10 + t));
}

}  // namespace sd35::train
