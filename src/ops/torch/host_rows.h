// Operations over rows with gradients in the memory of the host, by the native engine's kernels: one pass
// over memory each way, where LibTorch's own operations take five to ten.
#pragma once

#include <ATen/core/Tensor.h>

#include "ops/ops.h"

namespace sd35::host {

// (x - mean) / sqrt(var + eps) * (1 + scale) + shift of x [B, T, D], scale and shift [B, D] f32; of the type
// `result`, f32 or bf16.
at::Tensor norm_modulate(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale, double eps,
                         at::ScalarType result);

// x [B, T, D] + gate [B, D] f32 * y [B, T, D], of the type of x.
at::Tensor gated_add(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y);

}  // namespace sd35::host
