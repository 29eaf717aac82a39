// Units of integers for the matrix product of panels_simd.h: sums are integers of 32 bits.
// Included by linear_simd.h.
#pragma once

#include "ops/native/kernels/panels_simd.h"
#include "ops/native/kernels/rows_simd.h"

namespace sd35::kernels {
namespace {

// Two integers of 16 bits; exact.
struct ShortUnit {
  using Type = std::uint32_t;
  static constexpr bool integer = true;
  static constexpr std::int64_t elements = 2;
  static constexpr bool wide = true;
  static constexpr std::int32_t offset = 0;

  SD35_INLINE static IntVec multiply_add(IntVec sum, Type a, const Type* b) {
    IntVec weights;
    std::memcpy(&weights, b, sizeof(weights));
    const IntVec pairs = IntVec{} + static_cast<std::int32_t>(a);
#if defined(__AVX512F__)
    const IntVec products = reinterpret_cast<IntVec>(
        _mm512_madd_epi16(reinterpret_cast<__m512i>(pairs), reinterpret_cast<__m512i>(weights)));
#elif defined(__AVX2__)
    const IntVec products = reinterpret_cast<IntVec>(
        _mm256_madd_epi16(reinterpret_cast<__m256i>(pairs), reinterpret_cast<__m256i>(weights)));
#elif defined(__x86_64__)
    const IntVec products = reinterpret_cast<IntVec>(
        _mm_madd_epi16(reinterpret_cast<__m128i>(pairs), reinterpret_cast<__m128i>(weights)));
#else
    const IntVec products = ((pairs << 16) >> 16) * ((weights << 16) >> 16) + (pairs >> 16) * (weights >> 16);
#endif
    return sum + products;
  }
};

#if defined(__AVX512VNNI__)
// Four integers of 8 bits. The instruction takes those of x unsigned, so they are moved up by `offset`.
struct ByteUnit {
  using Type = std::uint32_t;
  static constexpr bool integer = true;
  static constexpr std::int64_t elements = 4;
  static constexpr bool wide = false;
  static constexpr std::int32_t offset = 128;

  SD35_INLINE static IntVec multiply_add(IntVec sum, Type a, const Type* b) {
    return reinterpret_cast<IntVec>(_mm512_dpbusd_epi32(
        reinterpret_cast<__m512i>(sum), _mm512_set1_epi32(static_cast<int>(a)), _mm512_loadu_si512(b)));
  }
};
using IntegerUnit = ByteUnit;
#else
using IntegerUnit = ShortUnit;
#endif

// Writes the first `count` of integers, as wide as the unit has them.
template <class Unit>
SD35_INLINE void store_integers(void* q, std::int64_t i, IntVec v, std::int64_t count) {
  typedef std::uint16_t Shorts __attribute__((vector_size(2 * kLanes)));
  const Shorts shorts = __builtin_convertvector(v, Shorts);
  if constexpr (Unit::elements == 2) {
    std::memcpy(static_cast<std::uint16_t*>(q) + i, &shorts, static_cast<std::size_t>(2 * count));
  } else {
    typedef std::uint8_t Bytes __attribute__((vector_size(kLanes)));
    const Bytes bytes = __builtin_convertvector(shorts, Bytes);
    std::memcpy(static_cast<std::uint8_t*>(q) + i, &bytes, static_cast<std::size_t>(count));
  }
}

// Rows of x as integers, each with the scale that makes its largest number 127.
template <class Unit>
void quantize_rows(In x, std::int64_t rows, std::int64_t width, void* q, std::int64_t units, float* scales) {
  constexpr float kRoundToInteger = 12582912.0f;  // 1.5 * 2^23
  constexpr std::int32_t kItsBits = 0x4b400000;
  with_types(x.type, [&]<Element X>() {
    for (std::int64_t row = 0; row < rows; ++row) {
      const std::int64_t first = row * width;
      Vec top = {}, poison = {};  // NaN where x is NaN or infinite, else 0
      for_vectors(width, [&](std::int64_t i, auto lanes) {
        const Vec v = load<X>(x.data, first + i, lanes);
        top = larger(v < 0.0f ? -v : v, top);
        poison += v * 0.0f;
      });
      const float largest = largest_of(top), usable = largest > 1e-30f ? largest : 0.0f;
      const float factor = usable > 0.0f ? 127.0f / usable : 0.0f;
      scales[row] = usable / 127.0f + sum_of(poison);
      auto* target = static_cast<std::uint8_t*>(q) + row * units * 4;
      std::memset(target + (units - 1) * 4, 0, 4);
      for_vectors(width, [&](std::int64_t i, auto lanes) {
        const Vec v = bounded(load<X>(x.data, first + i, lanes) * factor, -127.0f, 127.0f) + kRoundToInteger;
        store_integers<Unit>(target, i, reinterpret_cast<IntVec>(v) - (kItsBits - Unit::offset),
                             count_of(lanes));
      });
    }
  });
}

// Weights of 8 bits as the unit has them.
template <class Unit>
void widen_panel(const std::int8_t* weights, std::int64_t units, void* panel) {
  if constexpr (Unit::wide) {
    typedef std::int8_t Narrow __attribute__((vector_size(kLanes)));
    typedef std::int16_t Wide __attribute__((vector_size(2 * kLanes)));
    for (std::int64_t i = 0; i < units * kPanel * Unit::elements; i += kLanes) {
      Narrow narrow_weights;
      std::memcpy(&narrow_weights, weights + i, sizeof(narrow_weights));
      const Wide wide_weights = __builtin_convertvector(narrow_weights, Wide);
      std::memcpy(static_cast<std::int16_t*>(panel) + i, &wide_weights, sizeof(wide_weights));
    }
  }
}

}  // namespace
}  // namespace sd35::kernels
