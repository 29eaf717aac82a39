// The backward pass of attention for one level of instructions; see attention.h. Included by isa_*.cc.
//
// Weights are computed again from the sums that the forward pass left, a few rows at a time and in registers,
// twice: with rows of queries, whose gradients gather over keys, and with rows of keys, whose gradients and
// those of values gather over queries. The two passes are the same code with the operands exchanged.
#pragma once

#include "ops/native/kernels/attention_simd.h"
#include "ops/native/kernels/rows_simd.h"

namespace sd35::kernels {
namespace {

// Queries, keys, values or the gradients of results of all tokens of a head, as the three places in a matrix
// product need them.
template <class Unit>
struct Operand {
  using Type = typename Unit::Type;
  Type* rows;      // [tokens, stride]
  Type* columns;   // panels with tokens as columns
  Type* elements;  // panels with the head's elements as columns
};

// Sizes of what one thread holds of a head, in units or floats, which are both 4 bytes.
template <class Unit>
struct BackwardSizes {
  std::int64_t rows, stride, padded;
  PackedUnits packed;
  BackwardSizes(std::int64_t tokens, std::int64_t d)
      : rows(round_up(tokens, kPanel) + kRows),
        stride(round_up((d + Unit::elements - 1) / Unit::elements, kLanes)),
        padded(round_up(d, kPanel)),
        packed(packed_units<Unit>(tokens, d)) {}
  std::int64_t operand() const { return rows * stride + packed.keys + packed.values; }
  std::int64_t blocks() const { return 2 * kRows * (kKeyBlock + padded); }
  std::int64_t all() const { return 4 * operand() + 2 * rows + blocks(); }
};

template <class Unit>
struct Head {
  using Type = typename Unit::Type;
  BackwardSizes<Unit> sizes;
  Operand<Unit> queries, keys, values, gradients;
  float* log_sums;  // [queries] base-2 logarithms of the sums of weights
  float* means;     // [queries] means of the weights' gradients under the weights: result * its gradient
  Type* slopes;     // [kRows, kKeyBlock] gradients by the scores
  Type* weights;    // [kRows, kKeyBlock]
  float* sums;      // [2, kRows, padded]
  std::int64_t size;
  bool causal;

  Head(const AttentionTask& task)
      : sizes(task.total, task.sizes.head_size), size(task.sizes.head_size), causal(task.sizes.causal) {
    float* next = task.scratch;
    const auto take = [&](std::int64_t count) {
      next += count;
      return next - count;
    };
    for (Operand<Unit>* operand : {&queries, &keys, &values, &gradients}) {
      operand->rows = reinterpret_cast<Type*>(take(sizes.rows * sizes.stride));
      operand->columns = reinterpret_cast<Type*>(take(sizes.packed.keys));
      operand->elements = reinterpret_cast<Type*>(take(sizes.packed.values));
    }
    log_sums = take(sizes.rows);
    means = take(sizes.rows);
    slopes = reinterpret_cast<Type*>(take(kRows * kKeyBlock));
    weights = reinterpret_cast<Type*>(take(kRows * kKeyBlock));
    sums = take(2 * kRows * sizes.padded);
  }
};

// Makes the panels of an operand's `count` rows.
template <class Unit>
void make_panels(const BackwardSizes<Unit>& sizes, std::int64_t d, std::int64_t count,
                 const Operand<Unit>& x) {
  for (std::int64_t row = 0; row < count; row += kLanes) {
    const auto* rows = x.rows + row * sizes.stride;
    pack_keys<Unit>(rows, sizes.stride, sizes.packed.inner,
                    x.columns + row / kPanel * kPanel * sizes.packed.inner + row % kPanel);
    pack_values<Unit>(rows, sizes.stride, d, sizes.packed.values_panel,
                      x.elements + row / Unit::elements * kPanel);
  }
}

SD35_INLINE float product_of_rows(In a, In b, std::int64_t first, std::int64_t count) {
  Vec sum = {};
  const auto add = [&]<Element A, Element B>() {
    for_vectors(count, [&](std::int64_t i, auto lanes) {
      sum += load<A>(a.data, first + i, lanes) * load<B>(b.data, first + i, lanes);
    });
  };
  with_types(a.type, b.type, add);
  return sum_of(sum);
}

// Reads all tokens of a head; returns how many of them are queries.
template <class Unit>
std::int64_t read_head(const AttentionTask& task, const AttentionGradients* gradients,
                       const Head<Unit>& head) {
  const std::int64_t d = task.sizes.head_size, stride = head.sizes.stride;
  std::int64_t key = 0, query = 0;
  for (std::int64_t s = 0; s < task.stream_count; ++s) {
    const AttentionTokens& tokens = task.streams[s];
    const In result = {tokens.result.data, tokens.result.type}, dresult = gradients[s].dresult;
    for (std::int64_t token = 0; token < tokens.tokens; ++token, ++key) {
      read_token<Unit>(task, tokens, token, 1, tokens.norm_k, 1.0f, head.keys.rows + key * stride);
      read_token<Unit>(task, tokens, token, 2, nullptr, 1.0f, head.values.rows + key * stride);
      if (result.data == nullptr) continue;
      read_token<Unit>(task, tokens, token, 0, tokens.norm_q, task.sizes.scale * kLog2E,
                       head.queries.rows + query * stride);
      const std::int64_t first = ((task.batch * tokens.tokens + token) * task.sizes.heads + task.head) * d;
      with_types(dresult.type, dresult.type, [&]<Element E, Element>() {
        read_row<E, Unit>(task, dresult.data, first, nullptr, 1.0f, head.gradients.rows + query * stride);
      });
      head.log_sums[query] =
          tokens.log_sums[(task.batch * task.sizes.heads + task.head) * tokens.tokens + token];
      head.means[query++] = product_of_rows(result, dresult, first, d);
    }
  }
  return query;
}

// Weights and slopes of kRows rows and one panel of columns, both counted from the first token.
template <class Unit, bool rows_are_queries>
SD35_INLINE void weigh_pairs(const Head<Unit>& head, const Operand<Unit>* rows, const Operand<Unit>* columns,
                             std::int64_t row, std::int64_t column, std::int64_t at) {
  const std::int64_t inner = head.sizes.packed.inner, stride = head.sizes.stride;
  const auto of_query = [&](const float* values, int m, int v) {
    return rows_are_queries ? splat(values[row + m])
                            : load<Element::f32>(values, column + v * kLanes, Full{});
  };
  Vec kept[kRows][kVectors];
  {
    Sums scores = {};
    multiply<Unit>(scores, rows[0].rows + row * stride, stride, columns[0].columns + column * inner, inner);
    for (int m = 0; m < kRows; ++m)
      for (int v = 0; v < kVectors; ++v) {
        // No weight is above 1; those of padding would be.
        const Vec x = bounded(scores[m][v] - of_query(head.log_sums, m, v), -126.0f, 0.0f);
        const Vec rounded = x + kRounder;
        kept[m][v] = Unit::small_exp2_of(x - (rounded - kRounder)) * power_of_two(rounded);
        if (head.causal) {
          const IntVec number = lane_numbers(LaneNumbers{}) + static_cast<std::int32_t>(column + v * kLanes),
                       other = IntVec{} + static_cast<std::int32_t>(row + m);
          kept[m][v] = (rows_are_queries ? number <= other : number >= other) ? kept[m][v] : Vec{};
        }
      }
  }
  Sums slopes = {};
  multiply<Unit>(slopes, rows[1].rows + row * stride, stride, columns[1].columns + column * inner, inner);
  for (int m = 0; m < kRows; ++m) {
    const std::int64_t out = (m * kKeyBlock + at) / Unit::elements;
    for (int v = 0; v < kVectors; ++v)
      slopes[m][v] = kept[m][v] * (slopes[m][v] - of_query(head.means, m, v));
    for (int v = 0; v < kVectors; v += 2) {
      const std::int64_t place = out + v * kLanes / Unit::elements;
      Unit::store_two(head.slopes + place, slopes[m][v], slopes[m][v + 1]);
      if constexpr (!rows_are_queries) Unit::store_two(head.weights + place, kept[m][v], kept[m][v + 1]);
    }
  }
}

// With rows {queries, gradients} and columns {keys, values}, gathers the gradients of queries; with both
// exchanged, those of keys and values. Calls emit(row, sums by columns[0], sums by columns[1]).
template <class Unit, bool rows_are_queries, class Emit>
SD35_INLINE void gather_over(const Head<Unit>& head, const Operand<Unit> (&rows)[2], std::int64_t row_count,
                             const Operand<Unit> (&columns)[2], std::int64_t column_count, Emit emit) {
  const std::int64_t padded = head.sizes.padded, padded_columns = round_up(column_count, kPanel);
  float *first_sums = head.sums, *second_sums = head.sums + kRows * padded;
  for (std::int64_t row = 0; row < row_count; row += kRows) {
    std::memset(head.sums, 0, static_cast<std::size_t>(2 * kRows * padded) * sizeof(float));
    for (std::int64_t first = 0; first < padded_columns; first += kKeyBlock) {
      const std::int64_t left = padded_columns - first, count = left < kKeyBlock ? left : kKeyBlock;
      for (std::int64_t at = 0; at < count; at += kPanel)
        weigh_pairs<Unit, rows_are_queries>(head, rows, columns, row, first + at, at);
      const auto add = [&](float* sums, const auto* block, const auto& by) {
        add_elements<Unit>(sums, head.size, block, by.elements, head.sizes.packed.values_panel, first, count);
      };
      add(first_sums, head.slopes, columns[0]);
      if constexpr (!rows_are_queries) add(second_sums, head.weights, columns[1]);
    }
    for (std::int64_t m = 0; m < kRows && row + m < row_count; ++m)
      emit(row + m, first_sums + m * padded, second_sums + m * padded);
  }
}

template <class Unit>
void attention_backward_of(const AttentionTask& task, const AttentionGradients* gradients) {
  const std::int64_t d = task.sizes.head_size;
  const Head<Unit> head(task);
  const std::int64_t queries = read_head(task, gradients, head);
  make_panels(head.sizes, d, queries, head.queries);
  make_panels(head.sizes, d, queries, head.gradients);
  make_panels(head.sizes, d, task.total, head.keys);
  make_panels(head.sizes, d, task.total, head.values);

  const auto write = [&](std::int64_t s, std::int64_t token, int part, const float* sums, float factor) {
    float* out = gradients[s].dqkv + place_of(task, task.streams[s], token, part);
    for_vectors(d, [&](std::int64_t i, auto lanes) {
      store<Element::f32>(out, i, load<Element::f32>(sums, i, lanes) * factor, lanes);
    });
  };
  gather_over<Unit, true>(head, {head.queries, head.gradients}, queries, {head.keys, head.values}, task.total,
                          [&](std::int64_t query, const float* dquery, const float*) {
                            std::int64_t s = 0;
                            for (;; ++s) {
                              if (task.streams[s].result.data == nullptr) continue;
                              if (query < task.streams[s].tokens) break;
                              query -= task.streams[s].tokens;
                            }
                            write(s, query, 0, dquery, task.sizes.scale);
                          });
  gather_over<Unit, false>(head, {head.keys, head.values}, task.total, {head.queries, head.gradients},
                           queries, [&](std::int64_t key, const float* dkey, const float* dvalue) {
                             const auto [tokens, token] = find_token(task, key);
                             const std::int64_t s = tokens - task.streams;
                             write(s, token, 1, dkey, 1.0f / kLog2E);
                             write(s, token, 2, dvalue, 1.0f);
                           });
}

template <class Unit>
constexpr AttentionKernels attention_kernels_of() {
  return {[](std::int64_t tokens, std::int64_t d) {
            const PackedUnits packed = packed_units<Unit>(tokens, d);
            constexpr auto bytes = static_cast<std::int64_t>(sizeof(typename Unit::Type));
            return PackedBytes{packed.keys * bytes, packed.values * bytes};
          },
          [](std::int64_t d) { return Scratch(d).size; },
          kQueryBlock,
          kPanel,
          pack<Unit>,
          attend<Unit>,
          [](std::int64_t tokens, std::int64_t d) { return BackwardSizes<Unit>(tokens, d).all(); },
          attention_backward_of<Unit>};
}

}  // namespace
}  // namespace sd35::kernels
