// A linear layer with gradients in the memory of the host, by oneDNN. The MKL in PyPI's LibTorch has no
// AVX-512 on AMD CPUs, and LibTorch takes weights and gradients back and forth between types in bf16.
#pragma once

#include <ATen/core/Tensor.h>

#include "ops/ops.h"

namespace sd35::host {

// x [..., in], weight [out, in], bias [out] or undefined -> act(x weight^T + bias) [..., out] of the type
// `result`. Operands are rounded to `product` (f32 or bf16), sums are f32; so are the gradients of weight and
// bias, that of x has the type of x.
at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, Activation act,
                  at::ScalarType product, at::ScalarType result);

}  // namespace sd35::host
