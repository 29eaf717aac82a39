// Code books of 16 numbers in registers. Included by linear_simd.h.
#pragma once

#include "ops/native/kernels/simd.h"

namespace sd35::kernels {
namespace {

// kLanes bytes as integers.
SD35_INLINE IntVec load_bytes(const std::uint8_t* bytes) {
  typedef std::uint8_t ByteVec __attribute__((vector_size(kLanes)));
  typedef std::uint16_t Doubled __attribute__((vector_size(2 * kLanes)));
  ByteVec v;
  std::memcpy(&v, bytes, sizeof(v));
  // By way of 16 bits: GCC 12 breaks the single step from 8 to 32 up into single lanes.
  return __builtin_convertvector(__builtin_convertvector(v, Doubled), IntVec);
}

class CodeTable {
 public:
  explicit CodeTable(const float* code) {
    for (int i = 0; i < kParts; ++i) parts_[i] = load<Element::f32>(code, i * kLanes, Full{});
  }

  // The numbers at `indices`, each 0 to 15.
  SD35_INLINE Vec operator[](IntVec indices) const {
#if defined(__AVX512F__)
    return reinterpret_cast<Vec>(_mm512_maskz_permutexvar_ps(0xffff, reinterpret_cast<__m512i>(indices),
                                                             reinterpret_cast<__m512>(parts_[0])));
#elif defined(__AVX2__)
    const auto places = reinterpret_cast<__m256i>(indices);
    const Vec low =
        reinterpret_cast<Vec>(_mm256_permutevar8x32_ps(reinterpret_cast<__m256>(parts_[0]), places));
    const Vec high =
        reinterpret_cast<Vec>(_mm256_permutevar8x32_ps(reinterpret_cast<__m256>(parts_[1]), places));
    return indices < 8 ? low : high;
#else
    Vec v;
    for (int i = 0; i < kLanes; ++i) v[i] = parts_[indices[i] / kLanes][indices[i] % kLanes];
    return v;
#endif
  }

 private:
  static constexpr int kParts = 16 / kLanes;
  Vec parts_[kParts];
};

}  // namespace
}  // namespace sd35::kernels
