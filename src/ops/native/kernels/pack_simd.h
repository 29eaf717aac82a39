// Reads tokens for attention and packs keys and values of a head into panels: panel p of the keys holds keys
// p kPanel .. as columns and the head's elements as rows, panel p of the values holds the head's elements
// p kPanel .. as columns and keys as rows. Padding is zero.
#pragma once

#include "ops/native/kernels/attention_task.h"
#include "ops/native/kernels/panels_simd.h"

namespace sd35::kernels {
namespace {

// The first element of q, k or v (part 0, 1, 2) of a token of the task's head.
SD35_INLINE std::int64_t place_of(const AttentionTask& task, const AttentionTokens& tokens,
                                  std::int64_t token, int part) {
  const std::int64_t d = task.sizes.head_size, width = task.sizes.heads * d;
  return ((task.batch * tokens.tokens + token) * 3 + part) * width + task.head * d;
}

// Prefetches a part of a later token: the rows of one head lie a whole token apart, beyond what the hardware
// fetches ahead by itself.
SD35_INLINE void fetch_token(const AttentionTask& task, const AttentionTokens& tokens, std::int64_t token,
                             int part) {
  if (token >= tokens.tokens) return;
  const std::int64_t size = tokens.qkv.type == Element::f32 ? 4 : 2;
  const char* data = static_cast<const char*>(tokens.qkv.data) + place_of(task, tokens, token, part) * size;
  for (std::int64_t i = 0; i < task.sizes.head_size * size; i += 64) __builtin_prefetch(data + i);
}

template <Element X, class Unit>
SD35_INLINE void read_row(const AttentionTask& task, const void* data, std::int64_t first, const float* norm,
                          float factor, typename Unit::Type* out) {
  const std::int64_t d = task.sizes.head_size;
  if (norm != nullptr) {
    Vec squares = {};
    for_vectors(d, [&](std::int64_t i, auto lanes) {
      const Vec v = load<X>(data, first + i, lanes);
      squares += v * v;
    });
    factor *= 1.0f / __builtin_sqrtf(sum_of(squares) / static_cast<float>(d) + task.sizes.norm_eps);
  }
  for_vectors(d, [&](std::int64_t i, auto lanes) {
    Vec v = load<X>(data, first + i, lanes) * factor;
    if (norm != nullptr) v = v * load<Element::f32>(norm, i, lanes);
    store<Unit::element>(out, i, v, lanes);
  });
}

// Writes a part of a token, with its RMS norm and a factor, as the head_size elements of a row of units.
template <class Unit>
SD35_INLINE void read_token(const AttentionTask& task, const AttentionTokens& tokens, std::int64_t token,
                            int part, const float* norm, float factor, typename Unit::Type* out) {
  const std::int64_t first = place_of(task, tokens, token, part);
  if (tokens.qkv.type == Element::f32)
    read_row<Element::f32, Unit>(task, tokens.qkv.data, first, norm, factor, out);
  else
    read_row<Element::bf16, Unit>(task, tokens.qkv.data, first, norm, factor, out);
}

// A token found by its place among those of all streams.
struct TokenPlace {
  const AttentionTokens* tokens;
  std::int64_t token;
};
SD35_INLINE TokenPlace find_token(const AttentionTask& task, std::int64_t key) {
  std::int64_t s = 0;
  for (; key >= task.streams[s].tokens; ++s) key -= task.streams[s].tokens;
  return {task.streams + s, key};
}

// Panels of one head: how many units they hold.
struct PackedUnits {
  std::int64_t inner, keys, values_panel, values;
};
template <class Unit>
SD35_INLINE constexpr PackedUnits packed_units(std::int64_t tokens, std::int64_t d) {
  const std::int64_t padded_keys = round_up(tokens, kPanel),
                     inner = (d + Unit::elements - 1) / Unit::elements,
                     values_panel = padded_keys / Unit::elements * kPanel;
  return {inner, padded_keys * inner, values_panel, round_up(d, kPanel) / kPanel * values_panel};
}

// Units of a row in which packing gathers tokens: whole vectors of units for keys, whole panels for values.
constexpr std::int64_t gather_stride(std::int64_t d) { return round_up(d, kPanel); }

// Gathered rows of kLanes keys, turned into columns of their panel.
template <class Unit>
SD35_INLINE void pack_keys(const typename Unit::Type* rows, std::int64_t stride, std::int64_t inner,
                           typename Unit::Type* panel) {
  for (std::int64_t u = 0; u < inner; u += kLanes) {
    Vec block[kLanes];
    for (int r = 0; r < kLanes; ++r) std::memcpy(&block[r], rows + r * stride + u, sizeof(Vec));
    transpose(block);
    const std::int64_t count = inner - u < kLanes ? inner - u : kLanes;
    for (std::int64_t i = 0; i < count; ++i) std::memcpy(panel + (u + i) * kPanel, &block[i], sizeof(Vec));
  }
}

template <class Unit>
SD35_INLINE void pack_values(const typename Unit::Type* rows, std::int64_t stride, std::int64_t d,
                             std::int64_t values_panel, typename Unit::Type* panels) {
  for (std::int64_t c = 0; c < d; c += kLanes)
    for (std::int64_t r = 0; r < kLanes; r += Unit::elements) {
      const Vec units = Unit::join(rows + r * stride, stride, c);
      std::memcpy(panels + c / kPanel * values_panel + r / Unit::elements * kPanel + c % kPanel, &units,
                  sizeof(units));
    }
}

constexpr std::int64_t kFetchAhead = 8;

// Keys and values [begin, end) of a head, whole panels.
template <class Unit>
void pack(const AttentionTask& task, std::int64_t begin, std::int64_t end) {
  using Type = typename Unit::Type;
  const std::int64_t d = task.sizes.head_size, stride = gather_stride(d);
  const PackedUnits packed = packed_units<Unit>(task.total, d);
  auto* rows = reinterpret_cast<Type*>(task.scratch);
  std::memset(rows, 0, static_cast<std::size_t>(kLanes * stride) * sizeof(Type));
  for (std::int64_t key = begin; key < end; key += kLanes) {
    const auto gather = [&](int part) {
      for (int r = 0; r < kLanes; ++r) {
        if (key + r >= task.total) {
          std::memset(rows + r * stride, 0, static_cast<std::size_t>(stride) * sizeof(Type));
          continue;
        }
        const auto [tokens, token] = find_token(task, key + r);
        fetch_token(task, *tokens, token + kFetchAhead, part);
        read_token<Unit>(task, *tokens, token, part, part == 1 ? tokens->norm_k : nullptr, 1.0f,
                         rows + r * stride);
      }
    };
    gather(1);
    pack_keys<Unit>(rows, stride, packed.inner,
                    static_cast<Type*>(task.keys) + key / kPanel * kPanel * packed.inner + key % kPanel);
    gather(2);
    pack_values<Unit>(rows, stride, d, packed.values_panel,
                      static_cast<Type*>(task.values) + key / Unit::elements * kPanel);
  }
}

}  // namespace
}  // namespace sd35::kernels
