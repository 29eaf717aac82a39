// Operations over rows with gradients by LibTorch's operations, for any device: written out so that each pass
// takes as few of them as possible. Autograd through the plain formulas takes two to three times as many, and
// for a small model launching them is what takes the time.
#pragma once

#include <ATen/core/Tensor.h>

namespace sd35::device {

// (x - mean) / sqrt(var + eps) * (1 + scale) + shift of x [B, T, D], scale and shift [B, D]; of the type
// `result`. Computed in the type of shift and scale, f32 or f64.
at::Tensor norm_modulate(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale, double eps,
                         at::ScalarType result);

// x [B, T, D] + gate [B, D] * y [B, T, D], of the type of x. Computed in the type of gate, f32 or f64.
at::Tensor gated_add(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y);

// x / sqrt(mean(x^2) + eps) * weight over the last dimension of x [..., d]; weight [..., d], f32 or f64,
// broadcasts. Of the type of x.
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps);

}  // namespace sd35::device
