// AdamW (Loshchilov and Hutter 2019) on the flat tensor of a ParameterStore, as torch.optim.AdamW computes
// it, and the moving average of the weights.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>

#include "train/optimizers/optimizer_options.h"

namespace sd35::train {

class AdamW {
 public:
  AdamW(const AdamWOptions& options, const at::Tensor& values);

  // Update number `update`, from 1, with `learning_rate` in place of the options', of the elements from
  // `begin` on. Weight decay applies to those before `decayed`.
  void step(at::Tensor values, const at::Tensor& gradients, std::int64_t begin, std::int64_t decayed,
            std::int64_t update, double learning_rate);
  // The first and second moments, [elements] f32: part of a checkpoint.
  at::Tensor& first_moment() { return first_moment_; }
  at::Tensor& second_moment() { return second_moment_; }

 private:
  AdamWOptions options_;
  at::Tensor first_moment_, second_moment_;
};

// The share of the learning rate at an update, from 0: a linear warm-up, then `schedule` down to 0 at
// `total`.
struct LearningRateSchedule {
  std::string schedule = "constant";  // "constant", "cosine" or "linear"
  std::int64_t warmup_steps = 0;
  std::int64_t total_steps = 0;

  double factor(std::int64_t update) const;
};

// The decay of a moving average at an update, from 0: (1 + t) / (10 + t) up to `decay`, as diffusers'
// EMAModel; 0 at the first.
double ema_decay(double decay, std::int64_t update);

}  // namespace sd35::train
