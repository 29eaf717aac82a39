// Vectors of floats as wide as the instructions this file is compiled for. Included only by the files that
// are compiled once per level of instructions (isa_*.cc): everything here is local to them, and nothing of
// the standard library that would be instantiated is used, because the linker would keep one copy for all
// levels.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

#include "ops/native/kernels/rows.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define SD35_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define SD35_VECTOR_BYTES 32
#else
#define SD35_VECTOR_BYTES 16
#endif

namespace sd35::kernels {
namespace {

#define SD35_INLINE inline __attribute__((always_inline))

typedef float Vec __attribute__((vector_size(SD35_VECTOR_BYTES)));
typedef std::int32_t IntVec __attribute__((vector_size(SD35_VECTOR_BYTES)));
typedef std::uint32_t BitVec __attribute__((vector_size(SD35_VECTOR_BYTES)));
typedef std::uint16_t HalfVec __attribute__((vector_size(SD35_VECTOR_BYTES / 2)));

constexpr int kLanes = SD35_VECTOR_BYTES / 4;
using LaneNumbers = std::make_integer_sequence<int, kLanes>;

// How much of a vector a loop's body works on: all lanes, or the first `count` of the last one.
struct Full {};
struct Part {
  std::int64_t count;
};

// body(i, Full) for whole vectors, then body(i, Part) for what is left.
template <class Body>
SD35_INLINE void for_vectors(std::int64_t n, Body body) {
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) body(i, Full{});
  if (i < n) body(i, Part{n - i});
}

SD35_INLINE Vec splat(float x) { return Vec{} + x; }

template <int... L>
SD35_INLINE IntVec lane_numbers(std::integer_sequence<int, L...>) {
  return IntVec{L...};
}

// 1 in the lanes that count, 0 in the others.
SD35_INLINE Vec lanes_of(Full) { return splat(1.0f); }
SD35_INLINE Vec lanes_of(Part part) {
  const IntVec count = IntVec{} + static_cast<std::int32_t>(part.count);
  return lane_numbers(LaneNumbers{}) < count ? splat(1.0f) : Vec{};
}

// The larger one of a and b; b where either is NaN.
SD35_INLINE Vec larger(Vec a, Vec b) {
#if defined(__AVX512F__)
  // With all lanes masked in, because GCC 12 warns of the plain form's own undefined operand.
  return reinterpret_cast<Vec>(
      _mm512_maskz_max_ps(0xffff, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Vec>(_mm256_max_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#else
  return a > b ? a : b;
#endif
}

// The smaller one of a and b; b where either is NaN.
SD35_INLINE Vec smaller(Vec a, Vec b) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(
      _mm512_maskz_min_ps(0xffff, reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b)));
#elif defined(__AVX2__)
  return reinterpret_cast<Vec>(_mm256_min_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b)));
#else
  return a < b ? a : b;
#endif
}

// x held within [low, high]; NaN stays NaN.
SD35_INLINE Vec bounded(Vec x, float low, float high) { return smaller(splat(high), larger(splat(low), x)); }

// 1 / x, to 7e-5.
SD35_INLINE Vec rough_reciprocal(Vec x) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_maskz_rcp14_ps(0xffff, reinterpret_cast<__m512>(x)));
#else
  return 1.0f / x;
#endif
}

// Some lane of a is larger than its neighbour in b.
SD35_INLINE bool any_larger(Vec a, Vec b) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b), _CMP_GT_OQ) != 0;
#elif defined(__AVX2__)
  return _mm256_movemask_ps(
             _mm256_cmp_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b), _CMP_GT_OQ)) != 0;
#else
  bool any = false;
  for (int i = 0; i < kLanes; ++i) any = any || a[i] > b[i];
  return any;
#endif
}

// a b - product, exactly, where product is a b rounded.
SD35_INLINE Vec error_of_product(Vec a, Vec b, Vec product) {
#if defined(__AVX512F__)
  return reinterpret_cast<Vec>(_mm512_fmsub_ps(reinterpret_cast<__m512>(a), reinterpret_cast<__m512>(b),
                                               reinterpret_cast<__m512>(product)));
#elif defined(__FMA__)
  return reinterpret_cast<Vec>(_mm256_fmsub_ps(reinterpret_cast<__m256>(a), reinterpret_cast<__m256>(b),
                                               reinterpret_cast<__m256>(product)));
#else
  // Dekker 1971: halves of 12 bits have exact products.
  const Vec a_wide = a * 4097.0f, b_wide = b * 4097.0f;
  const Vec a_high = a_wide - (a_wide - a), b_high = b_wide - (b_wide - b);
  const Vec a_low = a - a_high, b_low = b - b_high;
  return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
#endif
}

// Each lane's neighbour at distance H, both ways.
template <int H, int... L>
SD35_INLINE Vec swapped(Vec v, std::integer_sequence<int, L...>) {
  return __builtin_shufflevector(v, v, (L ^ H)...);
}

template <int H = kLanes / 2>
SD35_INLINE float sum_of(Vec v) {
  v += swapped<H>(v, LaneNumbers{});
  if constexpr (H > 1) return sum_of<H / 2>(v);
  return v[0];
}

template <int H = kLanes / 2>
SD35_INLINE float largest_of(Vec v) {
  v = larger(v, swapped<H>(v, LaneNumbers{}));
  if constexpr (H > 1) return largest_of<H / 2>(v);
  return v[0];
}

// Exchanges the lanes of a that have bit H of their number set with those of b that do not.
template <int H, int... L>
SD35_INLINE void exchange(Vec& a, Vec& b, std::integer_sequence<int, L...>) {
  const Vec low = __builtin_shufflevector(a, b, ((L & H) != 0 ? kLanes + L - H : L)...);
  const Vec high = __builtin_shufflevector(a, b, ((L & H) != 0 ? kLanes + L : L + H)...);
  a = low;
  b = high;
}

template <int H = kLanes / 2>
SD35_INLINE void transpose(Vec (&rows)[kLanes]) {
  for (int i = 0; i < kLanes; ++i)
    if ((i & H) == 0) exchange<H>(rows[i], rows[i + H], LaneNumbers{});
  if constexpr (H > 1) transpose<H / 2>(rows);
}

SD35_INLINE Vec widen(HalfVec half) {
  return reinterpret_cast<Vec>(__builtin_convertvector(half, BitVec) << 16);
}

// Rounds to nearest even; NaN stays NaN.
SD35_INLINE HalfVec narrow(Vec v) {
#if defined(__AVX512BF16__)
  return reinterpret_cast<HalfVec>(_mm512_cvtneps_pbh(reinterpret_cast<__m512>(v)));
#else
  const BitVec bits = reinterpret_cast<BitVec>(v);
  const BitVec rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  const BitVec quiet_nan = (bits >> 16) | 0x40u;
  return __builtin_convertvector(v == v ? rounded : quiet_nan, HalfVec);
#endif
}

// Vectors of elements of type E, from element i on.
template <Element E>
SD35_INLINE Vec load(const void* data, std::int64_t i, Full) {
  if constexpr (E == Element::f32) {
    Vec v;
    std::memcpy(&v, static_cast<const float*>(data) + i, sizeof(v));
    return v;
  } else {
    HalfVec half;
    std::memcpy(&half, static_cast<const std::uint16_t*>(data) + i, sizeof(half));
    return widen(half);
  }
}

template <Element E>
SD35_INLINE Vec load(const void* data, std::int64_t i, Part part) {
  if constexpr (E == Element::f32) {
    Vec v = {};
    std::memcpy(&v, static_cast<const float*>(data) + i, static_cast<std::size_t>(part.count) * 4);
    return v;
  } else {
    HalfVec half = {};
    std::memcpy(&half, static_cast<const std::uint16_t*>(data) + i, static_cast<std::size_t>(part.count) * 2);
    return widen(half);
  }
}

template <Element E>
SD35_INLINE void store(void* data, std::int64_t i, Vec v, Full) {
  if constexpr (E == Element::f32) {
    std::memcpy(static_cast<float*>(data) + i, &v, sizeof(v));
  } else {
    const HalfVec half = narrow(v);
    std::memcpy(static_cast<std::uint16_t*>(data) + i, &half, sizeof(half));
  }
}

template <Element E>
SD35_INLINE void store(void* data, std::int64_t i, Vec v, Part part) {
  if constexpr (E == Element::f32) {
    std::memcpy(static_cast<float*>(data) + i, &v, static_cast<std::size_t>(part.count) * 4);
  } else {
    const HalfVec half = narrow(v);
    std::memcpy(static_cast<std::uint16_t*>(data) + i, &half, static_cast<std::size_t>(part.count) * 2);
  }
}

}  // namespace
}  // namespace sd35::kernels
