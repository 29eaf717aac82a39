// Chooses the kernels for this CPU and deals attention out to threads.
#include <algorithm>
#include <cstddef>
#include <vector>

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

// How attention is dealt out: heads in groups that are packed, then attended to.
class Attention {
 public:
  Attention(const AttentionKernels& kernels, const AttentionTask& task)
      : kernels_(kernels),
        task_(task),
        packed_(kernels.packed_bytes(task.total, task.sizes.head_size)),
        panels_((task.total + kernels.key_panel - 1) / kernels.key_panel) {
    for (const AttentionTokens& tokens : streams())
      if (tokens.result.data != nullptr)
        blocks_ += (tokens.tokens + kernels.query_block - 1) / kernels.query_block;
  }

  void run() const {
    const std::int64_t heads = task_.sizes.batch * task_.sizes.heads, threads = thread_count();
    if (heads % threads == 0 || heads >= 8 * threads)  // whole heads per thread
      return parallel_for(heads, 1, [&](std::int64_t begin, std::int64_t end) {
        Workspace workspace(*this, 1);
        for (std::int64_t head = begin; head < end; ++head) {
          pack(workspace, head, head, 0, panels_);
          attend(workspace, head, head, 0, blocks_);
        }
      });
    const std::int64_t group =
        std::clamp<std::int64_t>(kGroupBytes / (packed_.keys + packed_.values), 1, heads);
    Workspace shared(*this, group);
    for (std::int64_t first = 0; first < heads; first += group) {  // all threads on a group of heads
      const std::int64_t count = std::min(group, heads - first);
      deal(shared, first, count, panels_, &Attention::pack);
      deal(shared, first, count, blocks_, &Attention::attend);
    }
  }

 private:
  // Memory that the packed heads of a group may take.
  static constexpr std::int64_t kGroupBytes = std::int64_t{64} << 20;

  struct Workspace {
    Workspace(const Attention& attention, std::int64_t heads)
        : packed({heads * (attention.packed_.keys + attention.packed_.values)}, DType::u8),
          scratch({attention.kernels_.scratch_floats(attention.task_.sizes.head_size)}, DType::f32) {}
    Tensor packed, scratch;
  };
  using Part = void (Attention::*)(Workspace&, std::int64_t, std::int64_t, std::int64_t, std::int64_t) const;

  std::span<const AttentionTokens> streams() const {
    return {task_.streams, static_cast<std::size_t>(task_.stream_count)};
  }

  // Deals `items` of each of `count` heads out to the threads.
  void deal(const Workspace& shared, std::int64_t first, std::int64_t count, std::int64_t items,
            Part part) const {
    parallel_for(count * items, 1, [&](std::int64_t begin, std::int64_t end) {
      Workspace own(*this, 0);
      own.packed = shared.packed;
      while (begin < end) {
        const std::int64_t head = begin / items, stop = std::min(end, (head + 1) * items);
        (this->*part)(own, first + head, first, begin - head * items, stop - head * items);
        begin = stop;
      }
    });
  }

  // The task of one head, whose place in the workspace comes after those of heads `first` on.
  AttentionTask task_of(Workspace& workspace, std::int64_t head, std::int64_t first) const {
    AttentionTask task = task_;
    task.batch = head / task.sizes.heads;
    task.head = head % task.sizes.heads;
    auto* packed =
        static_cast<std::byte*>(workspace.packed.raw()) + (head - first) * (packed_.keys + packed_.values);
    task.keys = packed;
    task.values = packed + packed_.keys;
    task.scratch = workspace.scratch.data<float>();
    return task;
  }

  // Packs panels [begin, end) of keys and values.
  void pack(Workspace& workspace, std::int64_t head, std::int64_t first, std::int64_t begin,
            std::int64_t end) const {
    kernels_.pack(task_of(workspace, head, first), begin * kernels_.key_panel, end * kernels_.key_panel);
  }

  // Attends with blocks [begin, end) of the queries, numbered through all streams.
  void attend(Workspace& workspace, std::int64_t head, std::int64_t first, std::int64_t begin,
              std::int64_t end) const {
    const AttentionTask task = task_of(workspace, head, first);
    std::int64_t block = 0, offset = 0;
    for (const AttentionTokens& tokens : streams()) {
      if (tokens.result.data != nullptr)
        for (std::int64_t query = 0; query < tokens.tokens; query += kernels_.query_block, ++block)
          if (block >= begin && block < end)
            kernels_.attend(task, tokens, offset, query,
                            std::min(query + kernels_.query_block, tokens.tokens));
      offset += tokens.tokens;
    }
  }

  const AttentionKernels& kernels_;
  AttentionTask task_;
  PackedBytes packed_;
  std::int64_t panels_;
  std::int64_t blocks_ = 0;
};

const AttentionKernels& kernels_for(std::span<const AttentionTokens> tokens) {
  const IsaKernels& level = kernels();
  const bool all_bf16 =
      std::ranges::all_of(tokens, [](const AttentionTokens& t) { return t.qkv.type == Element::bf16; });
  return all_bf16 && level.attention_bf16 != nullptr ? *level.attention_bf16 : level.attention_f32;
}

AttentionTask task_of_all(std::span<const AttentionTokens> tokens, const AttentionSizes& sizes) {
  AttentionTask task;
  task.sizes = sizes;
  task.streams = tokens.data();
  task.stream_count = static_cast<std::int64_t>(tokens.size());
  for (const AttentionTokens& t : tokens) task.total += t.tokens;
  return task;
}

}  // namespace

const RowKernels& row_kernels() { return kernels().rows; }
const LinearKernels& linear_kernels() { return kernels().linear; }

void attention(std::span<const AttentionTokens> tokens, const AttentionSizes& sizes) {
  const AttentionTask task = task_of_all(tokens, sizes);
  if (task.total > 0) Attention(kernels_for(tokens), task).run();
}

void attention_backward(std::span<const AttentionTokens> tokens,
                        std::span<const AttentionGradients> gradients, const AttentionSizes& sizes) {
  const AttentionKernels& level = kernels_for(tokens);
  const AttentionTask all = task_of_all(tokens, sizes);
  if (all.total == 0) return;
  parallel_for(sizes.batch * sizes.heads, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<float> scratch(
        static_cast<std::size_t>(level.backward_scratch_floats(all.total, sizes.head_size)));
    AttentionTask task = all;
    task.scratch = scratch.data();
    for (std::int64_t head = begin; head < end; ++head) {
      task.batch = head / sizes.heads;
      task.head = head % sizes.heads;
      level.backward(task, gradients.data());
    }
  });
}

}  // namespace sd35::kernels
