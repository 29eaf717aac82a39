// Weights as the file that ships will hold them: the forward pass sees rounded ones, and the gradient at
// those changes the exact ones (Bengio et al. 2013, arXiv 1308.3432: straight through).
#pragma once

#include <ATen/core/Tensor.h>

#include <span>

#include "train/optimizers/parameter_store.h"

namespace sd35::train {

// Rounds each value to the nearest one of fp8 e4m3, ties to even, as `convert` writes it: beyond 448 to 448.
void round_to_f8_e4m3(std::span<float> values);
// The same, on any device.
at::Tensor rounded_to_f8_e4m3(const at::Tensor& values);

// Rounds what `convert --type fp8` stores in 8 bits of a transformer: the matrices of its blocks. `flat` is a
// tensor such as store.values().
void round_matrices(const ParameterStore& store, at::Tensor flat);

}  // namespace sd35::train
