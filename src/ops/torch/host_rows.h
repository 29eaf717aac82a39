// Operations over rows with gradients in the memory of the host, by the native engine's kernels: one pass
// over memory each way, where LibTorch's own operations take five to ten.
#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "ops/ops.h"

namespace sd35::host {

// (x - mean) / sqrt(var + eps) * (1 + scale) + shift of x [B, T, D], scale and shift [B, D] f32; of the type
// `result`, f32 or bf16.
at::Tensor norm_modulate(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale, double eps,
                         at::ScalarType result);

// x [B, T, D] + gate [B, D] f32 * y [B, T, D], of the type of x.
at::Tensor gated_add(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y);

// Queries, keys and values [B, T, heads, d] of qkv [B, T, 3 heads d], as f32; queries and keys divided by the
// root of their mean square and times norm_q, norm_k [d], where those are defined.
std::vector<at::Tensor> split_heads(const at::Tensor& qkv, std::int64_t heads, const at::Tensor& norm_q,
                                    const at::Tensor& norm_k, double eps);

}  // namespace sd35::host
