// softmax(scale q k^T + bias) v without ever storing the scores: blocks of queries meet blocks of keys with a
// running maximum and sum (Milakov and Gimelshein 2018; Dao et al. 2022).
#pragma once

#include <cstdint>
#include <span>

#include "ops/native/kernels/rows.h"

namespace sd35::kernels {

// Tokens that take part: fused rows [batch, tokens, 3 heads head_size] of q, k, v, each head-major.
struct AttentionTokens {
  In qkv{};
  std::int64_t tokens = 0;
  const float* norm_q = nullptr;  // [head_size] RMS norms, or null
  const float* norm_k = nullptr;
  Out result{};  // [batch, tokens, heads head_size]; null data: these tokens only serve as keys and values
  // [batch, heads, tokens] base-2 logarithms of the sums under the softmax, which the backward pass asks for;
  // or null
  float* log_sums = nullptr;
};

struct AttentionSizes {
  std::int64_t batch = 1;
  std::int64_t heads = 1;
  std::int64_t head_size = 64;
  float scale = 1.0f;
  float norm_eps = 1e-6f;
  bool causal = false;          // one kind of tokens only
  const float* bias = nullptr;  // [heads, tokens, tokens], one kind of tokens only
  float last_bias = 0;          // of the very last key, in powers of two
};

// Runs on all threads. bf16 inputs are multiplied in bf16 if the CPU can and `qkv` of all tokens is bf16,
// else in f32; sums, softmax and the running result are f32. Any head size.
void attention(std::span<const AttentionTokens> tokens, const AttentionSizes& sizes);

// Of some tokens, the gradient of a loss by their result, and by the queries and keys (after their norms) and
// values that led to it.
struct AttentionGradients {
  In dresult{};           // [batch, tokens, heads head_size]; unused where there is no result
  float* dqkv = nullptr;  // [batch, tokens, 3 heads head_size]; queries without a result have none written
};

// The backward pass, of what `attention` left in the results and log_sums of `tokens`. In the same precision;
// without biases.
void attention_backward(std::span<const AttentionTokens> tokens,
                        std::span<const AttentionGradients> gradients, const AttentionSizes& sizes);

}  // namespace sd35::kernels
