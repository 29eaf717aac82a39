// Chooses the kernels for this CPU and deals attention out to threads.
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "core/cpu.h"
#include "core/tensor.h"
#include "core/threads.h"
#include "ops/native/kernels/attention_task.h"

namespace sd35::kernels {
namespace {

const IsaKernels& kernels() {
#if defined(__x86_64__)
  switch (isa_level()) {
    case IsaLevel::generic:
      return generic_kernels();
    case IsaLevel::avx2:
      return avx2_kernels();
    case IsaLevel::avx512:
      return avx512_kernels();
    case IsaLevel::avx512_bf16:
      return avx512_bf16_kernels();
  }
#endif
  return generic_kernels();
}

// Packed keys and values of one head; zeroed because padding must be zero.
struct Packed {
  Packed(const AttentionKernels& kernels, const AttentionTask& task)
      : bytes(kernels.packed_bytes(task.total, task.sizes.head_size)),
        memory(Tensor::zeros({bytes.keys + bytes.values}, DType::u8)) {}
  void* keys() { return memory.raw(); }
  void* values() { return static_cast<std::byte*>(memory.raw()) + bytes.keys; }

  PackedBytes bytes;
  Tensor memory;
};

// All blocks of queries of a head, numbered through its streams; calls attend on blocks [begin, end).
void attend_blocks(const AttentionKernels& kernels, const AttentionTask& task, std::int64_t begin,
                   std::int64_t end) {
  std::int64_t block = 0, offset = 0;
  for (const AttentionTokens& tokens : std::span(task.streams, static_cast<std::size_t>(task.stream_count))) {
    if (tokens.result.data != nullptr)
      for (std::int64_t query = 0; query < tokens.tokens; query += kernels.query_block, ++block)
        if (block >= begin && block < end)
          kernels.attend(task, tokens, offset, query, std::min(query + kernels.query_block, tokens.tokens));
    offset += tokens.tokens;
  }
}

std::int64_t block_count(const AttentionKernels& kernels, const AttentionTask& task) {
  std::int64_t blocks = 0;
  for (const AttentionTokens& tokens : std::span(task.streams, static_cast<std::size_t>(task.stream_count)))
    if (tokens.result.data != nullptr)
      blocks += (tokens.tokens + kernels.query_block - 1) / kernels.query_block;
  return blocks;
}

Tensor scratch_for(const AttentionKernels& kernels, const AttentionTask& task) {
  return Tensor({kernels.scratch_floats(task.sizes.head_size)}, DType::f32);
}

}  // namespace

const RowKernels& row_kernels() { return kernels().rows; }

void attention(std::span<const AttentionTokens> tokens, const AttentionSizes& sizes) {
  const IsaKernels& level = kernels();
  const bool all_bf16 =
      std::ranges::all_of(tokens, [](const AttentionTokens& t) { return t.qkv.type == Element::bf16; });
  const AttentionKernels& best =
      all_bf16 && level.attention_bf16 != nullptr ? *level.attention_bf16 : level.attention_f32;
  AttentionTask all;
  all.sizes = sizes;
  all.streams = tokens.data();
  all.stream_count = static_cast<std::int64_t>(tokens.size());
  for (const AttentionTokens& t : tokens) all.total += t.tokens;

  const std::int64_t heads = sizes.batch * sizes.heads;
  if (heads >= 4 * thread_count()) {  // whole heads a thread
    parallel_for(heads, 1, [&](std::int64_t begin, std::int64_t end) {
      Packed packed(best, all);
      Tensor scratch = scratch_for(best, all);
      AttentionTask task = all;
      task.keys = packed.keys();
      task.values = packed.values();
      task.scratch = scratch.data<float>();
      for (std::int64_t h = begin; h < end; ++h) {
        task.batch = h / sizes.heads;
        task.head = h % sizes.heads;
        best.pack(task, 0, task.total);
        attend_blocks(best, task, 0, block_count(best, task));
      }
    });
    return;
  }
  Packed packed(best, all);
  all.keys = packed.keys();
  all.values = packed.values();
  for (std::int64_t h = 0; h < heads; ++h) {  // all threads on one head
    all.batch = h / sizes.heads;
    all.head = h % sizes.heads;
    const auto on_thread = [&](auto body) {
      return [&all, &best, body](std::int64_t begin, std::int64_t end) {
        Tensor scratch = scratch_for(best, all);
        AttentionTask task = all;
        task.scratch = scratch.data<float>();
        body(task, begin, end);
      };
    };
    // Two keys may share a unit, so threads begin at even ones.
    parallel_for((all.total + 1) / 2, 64,
                 on_thread([&](const AttentionTask& task, std::int64_t begin, std::int64_t end) {
                   best.pack(task, 2 * begin, std::min(2 * end, task.total));
                 }));
    parallel_for(block_count(best, all), 1,
                 on_thread([&](const AttentionTask& task, std::int64_t begin, std::int64_t end) {
                   attend_blocks(best, task, begin, end);
                 }));
  }
}

}  // namespace sd35::kernels
