// The attention kernel of one level of instructions; see attention.h. Included by isa_*.cc.
//
// Keys and values of a head are packed once, into panels as wide as the result of the inner product: panel p
// of the keys holds keys p * kPanel .. as columns, panel p of the values holds head elements p * kPanel .. as
// columns. Both products are then the same micro-kernel: kRows rows of A, broadcast element by element, times
// one panel. In bf16 two neighbours along the inner dimension share 32 bits, as the dot-product instruction
// wants them.
#pragma once

#include <cmath>
#include <type_traits>

#include "ops/native/kernels/attention_task.h"
#include "ops/native/kernels/simd.h"

namespace sd35::kernels {
namespace {

#if defined(__AVX512F__)
constexpr int kVectorsPerPanel = 4;
constexpr int kRows = 6;
#elif defined(__AVX2__)
constexpr int kVectorsPerPanel = 2;
constexpr int kRows = 6;
#else
constexpr int kVectorsPerPanel = 2;
constexpr int kRows = 4;
#endif
constexpr std::int64_t kPanel = kVectorsPerPanel * kLanes;

constexpr std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

// An f32 number, or two bf16 numbers that are multiplied together.
struct F32Unit {
  using Type = float;
  static constexpr std::int64_t elements = 1;
  SD35_INLINE static Vec multiply_add(Vec sum, Type a, const Type* b) {
    return sum + splat(a) * load<Element::f32>(b, 0, Full{});
  }
};

#if defined(__AVX512BF16__)
struct Bf16Unit {
  using Type = std::uint32_t;
  static constexpr std::int64_t elements = 2;
  SD35_INLINE static Vec multiply_add(Vec sum, Type a, const Type* b) {
    const __m512i pairs = _mm512_loadu_si512(b);
    return reinterpret_cast<Vec>(_mm512_dpbf16_ps(
        reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(a))),
        reinterpret_cast<__m512bh>(pairs)));
  }
};
#endif

// C [M, kPanel] = (C +) A [M, inner] B [inner, kPanel], inner in units.
template <class Unit, int M>
SD35_INLINE void multiply_rows(const typename Unit::Type* a, std::int64_t a_stride,
                               const typename Unit::Type* b, float* c, std::int64_t c_stride,
                               std::int64_t inner, bool accumulate) {
  Vec sums[M][kVectorsPerPanel];
  for (int m = 0; m < M; ++m)
    for (int v = 0; v < kVectorsPerPanel; ++v)
      sums[m][v] = accumulate ? load<Element::f32>(c, m * c_stride + v * kLanes, Full{}) : Vec{};
  for (std::int64_t k = 0; k < inner; ++k)
    for (int m = 0; m < M; ++m)
      for (int v = 0; v < kVectorsPerPanel; ++v)
        sums[m][v] = Unit::multiply_add(sums[m][v], a[m * a_stride + k], b + k * kPanel + v * kLanes);
  for (int m = 0; m < M; ++m)
    for (int v = 0; v < kVectorsPerPanel; ++v)
      store<Element::f32>(c, m * c_stride + v * kLanes, sums[m][v], Full{});
}

// The same for any number of rows.
template <class Unit>
void multiply(const typename Unit::Type* a, std::int64_t a_stride, const typename Unit::Type* b, float* c,
              std::int64_t c_stride, std::int64_t rows, std::int64_t inner, bool accumulate) {
  std::int64_t m = 0;
  for (; m + kRows <= rows; m += kRows)
    multiply_rows<Unit, kRows>(a + m * a_stride, a_stride, b, c + m * c_stride, c_stride, inner, accumulate);
  for (; m < rows; ++m)
    multiply_rows<Unit, 1>(a + m * a_stride, a_stride, b, c + m * c_stride, c_stride, inner, accumulate);
}

// Reads q, k or v (part 0, 1, 2) of one token of one head as f32, with its RMS norm and a factor.
void read_token(const AttentionTask& task, const AttentionTokens& tokens, std::int64_t token, int part,
                const float* norm, float factor, float* out) {
  const std::int64_t d = task.sizes.head_size, width = task.sizes.heads * d;
  const std::int64_t first = ((task.batch * tokens.tokens + token) * 3 + part) * width + task.head * d;
  float scale = factor;
  const auto copy = [&]<Element E>() {
    Vec squares = {};
    for_vectors(d, [&](std::int64_t i, auto lanes) {
      const Vec v = load<E>(tokens.qkv.data, first + i, lanes);
      squares += v * v;
      store<Element::f32>(out, i, v, lanes);
    });
    if (norm != nullptr)
      scale *= 1.0f / std::sqrt(sum_of(squares) / static_cast<float>(d) + task.sizes.norm_eps);
  };
  if (tokens.qkv.type == Element::f32)
    copy.template operator()<Element::f32>();
  else
    copy.template operator()<Element::bf16>();
  for_vectors(d, [&](std::int64_t i, auto lanes) {
    Vec v = load<Element::f32>(out, i, lanes) * scale;
    if (norm != nullptr) v = v * load<Element::f32>(norm, i, lanes);
    store<Element::f32>(out, i, v, lanes);
  });
}

// Asks for q, k or v of a later token of the head.
constexpr std::int64_t kFetchAhead = 8;
SD35_INLINE void fetch_token(const AttentionTask& task, const AttentionTokens& tokens, std::int64_t token,
                             int part) {
  if (token >= tokens.tokens) return;
  const std::int64_t d = task.sizes.head_size, width = task.sizes.heads * d;
  const std::int64_t size = tokens.qkv.type == Element::f32 ? 4 : 2;
  const std::int64_t first = ((task.batch * tokens.tokens + token) * 3 + part) * width + task.head * d;
  const char* data = static_cast<const char*>(tokens.qkv.data) + first * size;
  for (std::int64_t i = 0; i < d * size; i += 64) __builtin_prefetch(data + i);
}

// Rounds a row of `n` f32 elements to the elements of a unit, in place.
template <class Unit>
SD35_INLINE void round_row(float* row, std::int64_t n) {
  if constexpr (Unit::elements == 2)
    for_vectors(n, [&](std::int64_t i, auto lanes) {
      store<Element::bf16>(row, i, load<Element::f32>(row, i, lanes), lanes);
    });
}

// Keys and values [begin, end) of all tokens of a head into their panels; padding is zero already.
template <class Unit>
void pack(const AttentionTask& task, std::int64_t begin, std::int64_t end) {
  using Type = typename Unit::Type;
  // One of the elements that share a unit.
  using Half = std::conditional_t<Unit::elements == 1, float, std::uint16_t>;
  const std::int64_t d = task.sizes.head_size, inner = round_up(d, Unit::elements) / Unit::elements;
  const std::int64_t values_panel = round_up(task.total, kPanel) / Unit::elements * kPanel;
  float* row = task.scratch;
  row[d] = 0;  // the second element of the last unit of an odd head
  std::int64_t key = 0;
  for (std::int64_t s = 0; s < task.stream_count; ++s) {
    const AttentionTokens& tokens = task.streams[s];
    for (std::int64_t t = 0; t < tokens.tokens; ++t, ++key) {
      if (key < begin || key >= end) continue;
      // The rows of one head lie a whole token apart, beyond what the hardware fetches ahead by itself.
      fetch_token(task, tokens, t + kFetchAhead, 1);
      fetch_token(task, tokens, t + kFetchAhead, 2);
      read_token(task, tokens, t, 1, tokens.norm_k, 1.0f, row);
      round_row<Unit>(row, d + 1);
      Type* column = static_cast<Type*>(task.keys) + key / kPanel * kPanel * inner + key % kPanel;
      for (std::int64_t i = 0; i < inner; ++i)
        std::memcpy(column + i * kPanel, reinterpret_cast<Type*>(row) + i, sizeof(Type));
      read_token(task, tokens, t, 2, nullptr, 1.0f, row);
      round_row<Unit>(row, d);
      for (std::int64_t i = 0; i < d; i += kPanel) {
        Half* units = reinterpret_cast<Half*>(static_cast<Type*>(task.values) + i / kPanel * values_panel +
                                              key / Unit::elements * kPanel);
        const Half* values = reinterpret_cast<const Half*>(row) + i;
        for (std::int64_t c = 0; c < kPanel && i + c < d; ++c)
          units[c * Unit::elements + key % Unit::elements] = values[c];
      }
    }
  }
}

constexpr std::int64_t kQueryBlock = 48;
constexpr std::int64_t kKeyBlock = 256;
constexpr float kLog2E = 1.44269504f;

// Scratch of one thread, in floats.
struct Scratch {
  std::int64_t row, queries, scores, weights, result, maximum, total, size;
  explicit Scratch(std::int64_t d) {
    const std::int64_t padded = round_up(d + 1, kPanel);
    row = 0;
    queries = row + padded;
    scores = queries + kQueryBlock * padded;
    weights = scores + kQueryBlock * kKeyBlock;
    result = weights + kQueryBlock * kKeyBlock;
    maximum = result + kQueryBlock * padded;
    total = maximum + kQueryBlock;
    size = total + kQueryBlock;
  }
};

// Turns the scores [rows, keys] of a block into weights 2^(score - maximum) and updates the running maximum
// and sum of each row; returns through `factors` what the results so far shrink by.
template <class Unit>
SD35_INLINE void soften(const float* scores, typename Unit::Type* weights, std::int64_t rows,
                        std::int64_t keys, float* maximum, float* total, float* result,
                        std::int64_t result_width) {
  for (std::int64_t m = 0; m < rows; ++m) {
    const float* row = scores + m * kKeyBlock;
    Vec largest = splat(maximum[m]);
    for (std::int64_t j = 0; j < keys; j += kLanes)
      largest = larger(largest, load<Element::f32>(row, j, Full{}));
    const float top = largest_of(largest);
    Vec sum = {};
    auto* out = weights + m * (kKeyBlock / Unit::elements);
    for (std::int64_t j = 0; j < keys; j += kLanes) {
      const Vec s = load<Element::f32>(row, j, Full{}) - top;
      const Vec p = Unit::elements == 1 ? exp2_of(s) : rough_exp2_of(s);
      sum += p;
      if constexpr (Unit::elements == 1)
        store<Element::f32>(out, j, p, Full{});
      else
        store<Element::bf16>(out, j, p, Full{});
    }
    if (top > maximum[m]) {
      const float factor = std::exp2(maximum[m] - top);
      total[m] *= factor;
      for (std::int64_t i = 0; i < result_width; i += kLanes)
        store<Element::f32>(result, m * result_width + i,
                            load<Element::f32>(result, m * result_width + i, Full{}) * factor, Full{});
      maximum[m] = top;
    }
    total[m] += sum_of(sum);
  }
}

// Adds the bias and hides the keys that a query must not see.
void adjust_scores(const AttentionTask& task, std::int64_t first_query, std::int64_t rows,
                   std::int64_t first_key, std::int64_t keys, float* scores) {
  constexpr float hidden = -__builtin_inff();
  const std::int64_t real_keys = task.total - first_key < keys ? task.total - first_key : keys;
  for (std::int64_t m = 0; m < rows; ++m) {
    float* row = scores + m * kKeyBlock;
    const std::int64_t query = first_query + m;
    if (task.sizes.bias != nullptr) {
      const float* bias = task.sizes.bias + (task.head * task.total + query) * task.total + first_key;
      for (std::int64_t j = 0; j < real_keys; ++j) row[j] += bias[j] * kLog2E;
    }
    for (std::int64_t j = real_keys; j < keys; ++j) row[j] = hidden;
    if (task.sizes.causal)
      for (std::int64_t j = query - first_key + 1 > 0 ? query - first_key + 1 : 0; j < real_keys; ++j)
        row[j] = hidden;
  }
}

// Queries [begin, end) of one kind of tokens against all keys; `offset` is the first one's place among all
// tokens.
template <class Unit>
void attend(const AttentionTask& task, const AttentionTokens& tokens, std::int64_t offset, std::int64_t begin,
            std::int64_t end) {
  using Type = typename Unit::Type;
  const std::int64_t d = task.sizes.head_size, padded = round_up(d, kPanel), rows = end - begin;
  const std::int64_t inner = round_up(d, Unit::elements) / Unit::elements,
                     padded_keys = round_up(task.total, kPanel);
  const Scratch at(d);
  float* row = task.scratch + at.row;
  auto* queries = reinterpret_cast<Type*>(task.scratch + at.queries);
  float* scores = task.scratch + at.scores;
  auto* weights = reinterpret_cast<Type*>(task.scratch + at.weights);
  float* result = task.scratch + at.result;
  float *maximum = task.scratch + at.maximum, *total = task.scratch + at.total;

  for (std::int64_t m = 0; m < rows; ++m) {
    fetch_token(task, tokens, begin + m + kFetchAhead, 0);
    read_token(task, tokens, begin + m, 0, tokens.norm_q, task.sizes.scale * kLog2E, row);
    row[d] = 0;
    round_row<Unit>(row, d + 1);
    std::memcpy(queries + m * inner, row, static_cast<std::size_t>(inner) * sizeof(Type));
    maximum[m] = -__builtin_inff();
    total[m] = 0;
  }
  std::memset(result, 0, static_cast<std::size_t>(rows * padded) * sizeof(float));

  for (std::int64_t first_key = 0; first_key < task.total; first_key += kKeyBlock) {
    if (task.sizes.causal && first_key > offset + end - 1) break;
    const std::int64_t keys = padded_keys - first_key < kKeyBlock ? padded_keys - first_key : kKeyBlock;
    const Type* key_panels = static_cast<const Type*>(task.keys) + first_key * inner;
    for (std::int64_t j = 0; j < keys; j += kPanel)
      multiply<Unit>(queries, inner, key_panels + j * inner, scores + j, kKeyBlock, rows, inner, false);
    if (task.sizes.bias != nullptr || task.sizes.causal || first_key + keys > task.total)
      adjust_scores(task, offset + begin, rows, first_key, keys, scores);
    soften<Unit>(scores, weights, rows, keys, maximum, total, result, padded);
    for (std::int64_t i = 0; i < padded; i += kPanel) {
      const Type* panel = static_cast<const Type*>(task.values) + i * (padded_keys / Unit::elements) +
                          first_key / Unit::elements * kPanel;
      multiply<Unit>(weights, kKeyBlock / Unit::elements, panel, result + i, padded, rows,
                     keys / Unit::elements, true);
    }
  }

  const std::int64_t width = task.sizes.heads * d;
  for (std::int64_t m = 0; m < rows; ++m) {
    const std::int64_t first = (task.batch * tokens.tokens + begin + m) * width + task.head * d;
    const float inverse = 1.0f / total[m];
    for_vectors(d, [&](std::int64_t i, auto lanes) {
      const Vec v = load<Element::f32>(result, m * padded + i, lanes) * inverse;
      if (tokens.result.type == Element::f32)
        store<Element::f32>(tokens.result.data, first + i, v, lanes);
      else
        store<Element::bf16>(tokens.result.data, first + i, v, lanes);
    });
  }
}

template <class Unit>
constexpr AttentionKernels attention_kernels_of() {
  return {[](std::int64_t tokens, std::int64_t d) {  // bytes of the packed keys, then of the values
            const std::int64_t padded_keys = round_up(tokens, kPanel), inner = round_up(d, Unit::elements);
            const std::int64_t bytes =
                static_cast<std::int64_t>(sizeof(typename Unit::Type)) / Unit::elements;
            return PackedBytes{padded_keys * inner * bytes, padded_keys * round_up(d, kPanel) * bytes};
          },
          [](std::int64_t d) { return Scratch(d).size; }, kQueryBlock, pack<Unit>, attend<Unit>};
}

}  // namespace
}  // namespace sd35::kernels
