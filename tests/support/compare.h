// How far apart two tensors are.
#pragma once

#include <cmath>
#include <cstring>

#include "core/tensor.h"

namespace sd35 {

// Norm of the difference over the norm of the reference. Infinite for different shapes, NaN passes no bound.
inline double relative_error(const Tensor& value, const Tensor& reference) {
  if (value.shape() != reference.shape()) return HUGE_VAL;
  double difference = 0, norm = 0;
  for (std::int64_t i = 0; i < reference.numel(); ++i) {
    const double r = reference.data<float>()[i], d = value.data<float>()[i] - r;
    difference += d * d;
    norm += r * r;
  }
  return std::sqrt(difference / norm);
}

// Of equal type and shape, byte for byte.
inline bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() && a.dtype() == b.dtype() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

}  // namespace sd35
