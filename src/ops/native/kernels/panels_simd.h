// The one matrix product of attention: a few rows of A, broadcast unit by unit, times a panel of B as wide as
// the registers allow. A unit is an f32 number, or two neighbours along the inner dimension in bf16, which
// the dot-product instruction multiplies together.
#pragma once

#include "ops/native/kernels/functions_simd.h"

namespace sd35::kernels {
namespace {

// Rows times vectors of sums fill the registers of a level, less what the operands need.
#if defined(__AVX512F__)
constexpr int kRows = 6, kVectors = 4;
#elif defined(__AVX2__)
constexpr int kRows = 6, kVectors = 2;
#else
constexpr int kRows = 4, kVectors = 2;
#endif
constexpr std::int64_t kPanel = kVectors * kLanes;

using Sums = Vec[kRows][kVectors];

constexpr std::int64_t round_up(std::int64_t n, std::int64_t multiple) {
  return (n + multiple - 1) / multiple * multiple;
}

struct F32Unit {
  using Type = float;
  static constexpr bool integer = false;
  static constexpr std::int64_t elements = 1;
  static constexpr Element element = Element::f32;

  SD35_INLINE static Vec multiply_add(Vec sum, Type a, const Type* b) {
    return sum + a * load<Element::f32>(b, 0, Full{});
  }
  SD35_INLINE static Vec small_exp2_of(Vec r) { return small_exp2(r); }
  SD35_INLINE static void store_two(Type* out, Vec a, Vec b) {
    store<Element::f32>(out, 0, a, Full{});
    store<Element::f32>(out, kLanes, b, Full{});
  }
  // Units of columns [c, c + kLanes) of `elements` rows.
  SD35_INLINE static Vec join(const Type* row, std::int64_t /*stride*/, std::int64_t c) {
    return load<Element::f32>(row, c, Full{});
  }
};

#if defined(__AVX512BF16__)
struct Bf16Unit {
  using Type = std::uint32_t;
  static constexpr bool integer = false;
  static constexpr std::int64_t elements = 2;
  static constexpr Element element = Element::bf16;

  SD35_INLINE static Vec multiply_add(Vec sum, Type a, const Type* b) {
    return reinterpret_cast<Vec>(_mm512_dpbf16_ps(
        reinterpret_cast<__m512>(sum), reinterpret_cast<__m512bh>(_mm512_set1_epi32(static_cast<int>(a))),
        reinterpret_cast<__m512bh>(_mm512_loadu_si512(b))));
  }
  SD35_INLINE static Vec small_exp2_of(Vec r) { return rough_small_exp2(r); }
  SD35_INLINE static void store_two(Type* out, Vec a, Vec b) {
    const __m512bh both = _mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(b), reinterpret_cast<__m512>(a));
    std::memcpy(out, &both, sizeof(both));
  }
  SD35_INLINE static Vec join(const Type* row, std::int64_t stride, std::int64_t c) {
    HalfVec a, b;
    std::memcpy(&a, reinterpret_cast<const std::uint16_t*>(row) + c, sizeof(a));
    std::memcpy(&b, reinterpret_cast<const std::uint16_t*>(row + stride) + c, sizeof(b));
    return reinterpret_cast<Vec>(__builtin_convertvector(a, BitVec) |
                                 (__builtin_convertvector(b, BitVec) << 16));
  }
};
#endif

// sums += A [kRows, inner] B [inner, kPanel], inner in units; of the columns the first `vectors`.
template <class Unit, int vectors, class Sum>
SD35_INLINE void multiply(Sum (&sums)[kRows][vectors], const typename Unit::Type* a, std::int64_t a_stride,
                          const typename Unit::Type* b, std::int64_t inner) {
  for (std::int64_t k = 0; k < inner; ++k)
    for (int m = 0; m < kRows; ++m)
      for (int v = 0; v < vectors; ++v)
        sums[m][v] = Unit::multiply_add(sums[m][v], a[m * a_stride + k], b + k * kPanel + v * kLanes);
}

}  // namespace
}  // namespace sd35::kernels
