// Vectors of floats as wide as the instructions this file is compiled for. Included only by the files that
// are compiled once a level of instructions (isa_*.cc): everything here is local to them, and nothing of the
// standard library that would be instantiated is used, because the linker would keep one copy for all levels.
#pragma once

#include <cstdint>
#include <cstring>

#include "ops/native/kernels/rows.h"

#if defined(__AVX512BF16__)
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

constexpr std::int64_t kLanes = SD35_VECTOR_BYTES / 4;

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
SD35_INLINE Vec smaller(Vec a, Vec b) { return b < a ? b : a; }  // a where b is NaN
SD35_INLINE Vec larger(Vec a, Vec b) { return b > a ? b : a; }

SD35_INLINE float sum_of(Vec v) {
  float lanes[kLanes], sum = 0;
  std::memcpy(lanes, &v, sizeof(v));
  for (const float lane : lanes) sum += lane;
  return sum;
}

SD35_INLINE float largest_of(Vec v) {
  float lanes[kLanes];
  std::memcpy(lanes, &v, sizeof(v));
  float largest = lanes[0];
  for (const float lane : lanes) largest = lane > largest ? lane : largest;
  return largest;
}

// 1 in the lanes that count, 0 in the others.
SD35_INLINE Vec lanes_of(Full) { return splat(1.0f); }
SD35_INLINE Vec lanes_of(Part part) {
  Vec v = {};
  for (std::int64_t i = 0; i < part.count; ++i) v[i] = 1.0f;
  return v;
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

// The nearest whole number of |x| < 2^22, by the rounding of an addition.
SD35_INLINE Vec nearest(Vec x) {
  constexpr float magic = 12582912.0f;  // 1.5 * 2^23
  return (x + magic) - magic;
}

// 2^n of a whole number -126 <= n <= 127.
SD35_INLINE Vec power_of_two(Vec n) {
  return reinterpret_cast<Vec>((__builtin_convertvector(n, IntVec) + 127) << 23);
}

// e^x for |x| <= 0.35, the Taylor series to degree 7: below 1e-9 from e^x.
SD35_INLINE Vec small_exp(Vec r) {
  Vec p = splat(1.0f / 5040);
  p = p * r + 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  return p * r + 1.0f;
}

// e^x within 2e-7 of it, of x clamped to [-87, 88]; NaN stays NaN.
SD35_INLINE Vec exp_of(Vec x) {
  x = x < -87.0f ? splat(-87.0f) : x;
  x = x > 88.0f ? splat(88.0f) : x;
  const Vec n = nearest(x * 1.44269504f);
  const Vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  return small_exp(r) * power_of_two(n);
}

// 2^x of x <= 0, clamped at -126; NaN stays NaN.
SD35_INLINE Vec exp2_of(Vec x) {
  x = x < -126.0f ? splat(-126.0f) : x;
  const Vec n = nearest(x);
  return small_exp((x - n) * 0.693147181f) * power_of_two(n);
}

// 2^x of x <= 0 within 4e-5, for results that are rounded to bf16.
SD35_INLINE Vec rough_exp2_of(Vec x) {
  x = x < -126.0f ? splat(-126.0f) : x;
  const Vec n = nearest(x);
  const Vec r = x - n;
  Vec p = splat(0.00961813f);  // ln(2)^k / k!
  p = p * r + 0.05550411f;
  p = p * r + 0.24022651f;
  p = p * r + 0.69314718f;
  return (p * r + 1.0f) * power_of_two(n);
}

}  // namespace
}  // namespace sd35::kernels
