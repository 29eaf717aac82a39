// Attention with gradients in the memory of the host, by the native engine's kernels: neither pass keeps the
// scores, and the streams are not copied together.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "ops/ops.h"

namespace sd35::host {

// One stream of tokens; see AttentionStream.
struct AttentionInput {
  at::Tensor qkv;             // [B, T, 3 heads d], f32 or bf16, all streams alike
  at::Tensor norm_q, norm_k;  // [d], or undefined
  bool wants_output = true;
};

// Ops::attention without a bias: results [B, T, heads d] of the type of qkv, undefined where not asked for.
// At most two streams.
std::vector<at::Tensor> attention(std::span<const AttentionInput> streams, const AttentionOptions& options);

}  // namespace sd35::host
