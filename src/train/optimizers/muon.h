// Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon) for the matrices of hidden layers: the
// step is the momentum with all its singular values brought near 1, so that rare directions learn as fast as
// frequent ones. As torch.optim.Muon with Nesterov momentum and adjust_lr_fn="match_rms_adamw", so that
// AdamW's learning rate and weight decay fit.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "train/optimizers/optimizer_options.h"

namespace sd35::train {

// Matrices of one shape, one after the other in a flat tensor.
struct FlatMatrices {
  std::int64_t offset = 0, count = 0, rows = 0, columns = 0;
};

class Muon {
 public:
  Muon(const MuonOptions& options, std::vector<FlatMatrices> matrices);

  // One update of the matrices in the flat tensors `values`, `gradients` and `momentum` ([elements] f32),
  // nothing outside of them.
  void step(at::Tensor values, const at::Tensor& gradients, at::Tensor momentum, double learning_rate) const;

 private:
  MuonOptions options_;
  std::vector<FlatMatrices> matrices_;
};

// Each of [N, rows, columns] with its singular values brought to 0.7 to 1.2 by five Newton-Schulz iterations
// in bf16, like the reference.
at::Tensor orthogonalized(const at::Tensor& matrices);

}  // namespace sd35::train
