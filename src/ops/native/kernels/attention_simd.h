// The attention kernel of one level of instructions; see attention.h. Included by isa_*.cc.
//
// A few queries at a time (kRows) meet a block of keys: their scores stay in registers until they are weights
// 2^(score - pivot), then the weights meet the block's values. The pivot is a maximum that lags behind: it
// follows only when a score exceeds it by kSlack, because floating-point weights lose nothing below 2^kSlack,
// and then everything summed so far is scaled down.
#pragma once

#include "ops/native/kernels/pack_simd.h"

namespace sd35::kernels {
namespace {

constexpr std::int64_t kQueryBlock = 96;
constexpr std::int64_t kKeyBlock = 256;
constexpr float kSlack = 8.0f;

// Scratch of one thread, in floats; packing uses the same memory.
struct Scratch {
  std::int64_t queries, weights, result, pivots, totals, size;
  explicit constexpr Scratch(std::int64_t d) {
    const std::int64_t padded = round_up(d, kPanel);
    queries = 0;
    weights = queries + kQueryBlock * padded;
    result = weights + kRows * kKeyBlock;
    pivots = result + kQueryBlock * padded;
    totals = pivots + kQueryBlock;
    size = totals + kQueryBlock * kLanes;
    if (size < kLanes * gather_stride(d)) size = kLanes * gather_stride(d);
  }
};

// kRows queries on their way through the keys.
template <class Unit>
struct Queries {
  const typename Unit::Type* queries;  // [kRows, inner]
  typename Unit::Type* weights;        // [kRows, kKeyBlock] of one block of keys
  float* result;                       // [kRows, padded head]
  float* pivots;                       // [kRows]
  float* totals;                       // [kRows, kLanes] sums of weights
  std::int64_t first;                  // place among all tokens
  std::int64_t padded;
};

// Adds the biases to the scores of keys first_key .. and hides the keys that a query must not see.
SD35_INLINE void adjust(Sums& scores, const AttentionTask& task, std::int64_t first_query,
                        std::int64_t first_key) {
  for (int m = 0; m < kRows; ++m) {
    // Rows that only fill up the block look where the last query looks.
    const std::int64_t query = first_query + m < task.total ? first_query + m : task.total - 1;
    const std::int64_t visible = task.sizes.causal ? query + 1 : task.total;
    for (int v = 0; v < kVectors; ++v) {
      const std::int64_t key = first_key + v * kLanes, real = task.total - key;
      if (task.sizes.bias != nullptr && real > 0) {
        const std::int64_t first = (task.head * task.total + query) * task.total + key;
        const Vec bias = real < kLanes ? load<Element::f32>(task.sizes.bias, first, Part{real})
                                       : load<Element::f32>(task.sizes.bias, first, Full{});
        scores[m][v] += bias * kLog2E;
      }
      const IntVec numbers = lane_numbers(LaneNumbers{});
      const IntVec is_last = numbers == (IntVec{} + static_cast<std::int32_t>(real - 1));
      scores[m][v] += is_last ? splat(task.sizes.last_bias) : Vec{};
      const std::int64_t count = visible - key < 0 ? 0 : (visible - key > kLanes ? kLanes : visible - key);
      const IntVec shown = numbers < (IntVec{} + static_cast<std::int32_t>(count));
      scores[m][v] = shown ? scores[m][v] : splat(-__builtin_inff());
    }
  }
}

// Raises the pivots of the rows whose largest score (over the lanes of tops) is too far above, and scales
// what was summed so far: results, totals, and the first `done` weights of this block.
template <class Unit>
__attribute__((noinline)) void raise_pivots(const Queries<Unit>& q, const Vec* tops, std::int64_t done) {
  for (int m = 0; m < kRows; ++m) {
    const float top = largest_of(tops[m]);
    if (!(top > q.pivots[m] + kSlack)) continue;
    const float factor = __builtin_exp2f(q.pivots[m] - top);
    q.pivots[m] = top;
    const auto scale = [&](auto* data, std::int64_t count, auto element) {
      constexpr Element E = decltype(element)::value;
      for (std::int64_t i = 0; i < count; i += kLanes)
        store<E>(data, i, load<E>(data, i, Full{}) * factor, Full{});
    };
    scale(q.result + m * q.padded, q.padded, std::integral_constant<Element, Element::f32>{});
    scale(q.totals + m * kLanes, kLanes, std::integral_constant<Element, Element::f32>{});
    scale(q.weights + m * (kKeyBlock / Unit::elements), done,
          std::integral_constant<Element, Unit::element>{});
  }
}

// Weights of one panel of keys, the `done`-th and following of the block.
template <class Unit>
SD35_INLINE void weigh_panel(const AttentionTask& task, const Queries<Unit>& q,
                             const typename Unit::Type* panel, std::int64_t inner, std::int64_t first_key,
                             std::int64_t done) {
  Sums scores = {};
  multiply<Unit>(scores, q.queries, inner, panel, inner);
  const bool partly_hidden = task.sizes.causal && first_key + kPanel > q.first + 1;
  if (partly_hidden || task.sizes.bias != nullptr || first_key + kPanel >= task.total)
    adjust(scores, task, q.first, first_key);

  Vec tops[kRows], excess = splat(-__builtin_inff());
  for (int m = 0; m < kRows; ++m) {
    tops[m] = scores[m][0];
    for (int v = 1; v < kVectors; ++v) tops[m] = larger(scores[m][v], tops[m]);
    excess = larger(tops[m] - q.pivots[m], excess);
  }
  if (any_larger(excess, splat(kSlack))) raise_pivots(q, tops, done);

  for (int m = 0; m < kRows; ++m) {
    Vec total = load<Element::f32>(q.totals, m * kLanes, Full{});
    for (int v = 0; v < kVectors; ++v) {
      const Vec x = larger(splat(-126.0f), scores[m][v] - q.pivots[m]);
      const Vec rounded = x + kRounder;
      scores[m][v] = Unit::small_exp2_of(x - (rounded - kRounder)) * power_of_two(rounded);
      total += scores[m][v];
    }
    store<Element::f32>(q.totals, m * kLanes, total, Full{});
    auto* out = q.weights + m * (kKeyBlock / Unit::elements) + done / Unit::elements;
    for (int v = 0; v < kVectors; v += 2)
      Unit::store_two(out + v * kLanes / Unit::elements, scores[m][v], scores[m][v + 1]);
  }
}

// sums [kRows, kLanes vectors] of rows that lie `stride` apart += block [kRows, kKeyBlock] times panels of
// elements of tokens [first, first + count).
template <class Unit, int vectors>
SD35_INLINE void add_columns(float* sums, std::int64_t stride, const typename Unit::Type* block,
                             const typename Unit::Type* panel, std::int64_t first, std::int64_t count) {
  Vec tile[kRows][vectors];
  for (int m = 0; m < kRows; ++m)
    for (int v = 0; v < vectors; ++v) tile[m][v] = load<Element::f32>(sums, m * stride + v * kLanes, Full{});
  multiply<Unit>(tile, block, kKeyBlock / Unit::elements, panel + first / Unit::elements * kPanel,
                 count / Unit::elements);
  for (int m = 0; m < kRows; ++m)
    for (int v = 0; v < vectors; ++v) store<Element::f32>(sums, m * stride + v * kLanes, tile[m][v], Full{});
}

// The same for all d elements of a head: sums [kRows, d rounded up to panels].
template <class Unit>
SD35_INLINE void add_elements(float* sums, std::int64_t d, const typename Unit::Type* block,
                              const typename Unit::Type* panels, std::int64_t values_panel,
                              std::int64_t first, std::int64_t count) {
  const std::int64_t stride = round_up(d, kPanel);
  for (std::int64_t i = 0; i < d; i += kPanel) {
    const auto* panel = panels + i / kPanel * values_panel;
    if (d - i > kPanel / 2)
      add_columns<Unit, kVectors>(sums + i, stride, block, panel, first, count);
    else
      add_columns<Unit, kVectors / 2>(sums + i, stride, block, panel, first, count);
  }
}

// One group of queries against keys [first_key, first_key + keys), whole panels of one block.
template <class Unit>
SD35_INLINE void attend_block(const AttentionTask& task, const Queries<Unit>& q, const PackedUnits& packed,
                              std::int64_t first_key, std::int64_t keys) {
  using Type = typename Unit::Type;
  for (std::int64_t j = 0; j < keys; j += kPanel)
    weigh_panel(task, q, static_cast<const Type*>(task.keys) + (first_key + j) * packed.inner, packed.inner,
                first_key + j, j);
  add_elements<Unit>(q.result, task.sizes.head_size, q.weights, static_cast<const Type*>(task.values),
                     packed.values_panel, first_key, keys);
}

void write_result(const AttentionTask& task, const AttentionTokens& tokens, std::int64_t token,
                  const float* result, const float* totals, float pivot) {
  const std::int64_t d = task.sizes.head_size, width = task.sizes.heads * d;
  const std::int64_t first = (task.batch * tokens.tokens + token) * width + task.head * d;
  const float total = sum_of(load<Element::f32>(totals, 0, Full{})), inverse = 1.0f / total;
  if (tokens.log_sums != nullptr)
    tokens.log_sums[(task.batch * task.sizes.heads + task.head) * tokens.tokens + token] =
        pivot + __builtin_log2f(total);
  for_vectors(d, [&](std::int64_t i, auto lanes) {
    const Vec v = load<Element::f32>(result, i, lanes) * inverse;
    if (tokens.result.type == Element::f32)
      store<Element::f32>(tokens.result.data, first + i, v, lanes);
    else
      store<Element::bf16>(tokens.result.data, first + i, v, lanes);
  });
}

// Queries [begin, end) of one stream against all keys; `offset` is the stream's place among all tokens.
template <class Unit>
void attend(const AttentionTask& task, const AttentionTokens& tokens, std::int64_t offset, std::int64_t begin,
            std::int64_t end) {
  using Type = typename Unit::Type;
  const std::int64_t d = task.sizes.head_size, padded = round_up(d, kPanel), rows = end - begin;
  const PackedUnits packed = packed_units<Unit>(task.total, d);
  const Scratch at(d);
  auto* queries = reinterpret_cast<Type*>(task.scratch + at.queries);
  float *result = task.scratch + at.result, *pivots = task.scratch + at.pivots,
        *totals = task.scratch + at.totals;

  const std::int64_t groups = (rows + kRows - 1) / kRows, filled = groups * kRows;
  std::memset(queries, 0, static_cast<std::size_t>(filled * packed.inner) * sizeof(Type));
  std::memset(result, 0, static_cast<std::size_t>(filled * padded) * sizeof(float));
  std::memset(totals, 0, static_cast<std::size_t>(filled * kLanes) * sizeof(float));
  for (std::int64_t m = 0; m < filled; ++m) pivots[m] = -1e30f;  // below every score, but finite
  for (std::int64_t m = 0; m < rows; ++m) {
    fetch_token(task, tokens, begin + m + kFetchAhead, 0);
    read_token<Unit>(task, tokens, begin + m, 0, tokens.norm_q, task.sizes.scale * kLog2E,
                     queries + m * packed.inner);
  }

  const std::int64_t last = task.sizes.causal ? offset + end : task.total;  // no query sees keys from here on
  for (std::int64_t first_key = 0; first_key < last; first_key += kKeyBlock) {
    const std::int64_t left = round_up(last - first_key, kPanel), keys = left < kKeyBlock ? left : kKeyBlock;
    for (std::int64_t g = 0; g < groups; ++g) {
      const std::int64_t m = g * kRows;
      attend_block<Unit>(task,
                         {queries + m * packed.inner, reinterpret_cast<Type*>(task.scratch + at.weights),
                          result + m * padded, pivots + m, totals + m * kLanes, offset + begin + m, padded},
                         packed, first_key, keys);
    }
  }
  for (std::int64_t m = 0; m < rows; ++m)
    write_result(task, tokens, begin + m, result + m * padded, totals + m * kLanes, pivots[m]);
}

}  // namespace
}  // namespace sd35::kernels
