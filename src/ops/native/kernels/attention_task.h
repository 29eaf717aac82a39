// What the driver of attention hands to the kernels of a level: one head of one batch item.
#pragma once

#include <cstdint>

#include "ops/native/kernels/attention.h"
#include "ops/native/kernels/linear.h"

namespace sd35::kernels {

struct AttentionTask {
  AttentionSizes sizes;
  const AttentionTokens* streams = nullptr;
  std::int64_t stream_count = 0;
  std::int64_t total = 0;  // tokens of all streams
  std::int64_t batch = 0;
  std::int64_t head = 0;
  void* keys = nullptr;  // packed
  void* values = nullptr;
  float* scratch = nullptr;  // of this thread
};

struct PackedBytes {
  std::int64_t keys, values;
};

struct AttentionKernels {
  PackedBytes (*packed_bytes)(std::int64_t tokens, std::int64_t head_size);
  std::int64_t (*scratch_floats)(std::int64_t head_size);
  std::int64_t query_block;
  std::int64_t key_panel;
  // Packs keys and values [begin, end), multiples of key_panel; `end` may lie beyond the last token.
  void (*pack)(const AttentionTask& task, std::int64_t begin, std::int64_t end);
  // Attends with queries [begin, end) of one stream, at most query_block of them; `offset` is the stream's
  // first place among all.
  void (*attend)(const AttentionTask& task, const AttentionTokens& tokens, std::int64_t offset,
                 std::int64_t begin, std::int64_t end);
  // The backward pass of a head, with scratch that was zero before the first head of the same sizes.
  std::int64_t (*backward_scratch_floats)(std::int64_t tokens, std::int64_t head_size);
  void (*backward)(const AttentionTask& task, const AttentionGradients* gradients);
};

// The kernels of one level of instructions; isa_*.cc define one table each.
struct IsaKernels {
  RowKernels rows;
  AttentionKernels attention_f32;
  const AttentionKernels* attention_bf16;  // null where the level has no bf16 products
  LinearKernels linear;
};

const IsaKernels& generic_kernels();
const IsaKernels& avx2_kernels();
const IsaKernels& avx512_kernels();
const IsaKernels& avx512_bf16_kernels();

}  // namespace sd35::kernels
