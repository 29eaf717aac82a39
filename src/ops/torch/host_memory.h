// LibTorch's tensors as the kernels see them.
#pragma once

#include <ATen/ATen.h>

#include "ops/native/kernels/rows.h"

namespace sd35::host {

inline kernels::Element element_of(const at::Tensor& x) {
  return x.scalar_type() == at::kBFloat16 ? kernels::Element::bf16 : kernels::Element::f32;
}

// The elements of the contiguous `x`, f32 or bf16, from number `first` on, to read or to write.
inline kernels::In read_from(const at::Tensor& x, std::int64_t first) {
  return {static_cast<const char*>(x.data_ptr()) + first * x.element_size(), element_of(x)};
}
inline kernels::Out write_to(const at::Tensor& x, std::int64_t first) {
  return {static_cast<char*>(x.data_ptr()) + first * x.element_size(), element_of(x)};
}

// Contiguous, of type f32.
inline at::Tensor f32(const at::Tensor& x) { return x.to(at::kFloat).contiguous(); }

// Autograd takes no undefined tensors: an optional vector that is absent has no elements instead.
inline at::Tensor or_empty(const at::Tensor& vector) { return vector.defined() ? vector : at::empty({0}); }
inline const float* floats_or_null(const at::Tensor& vector) {
  return vector.numel() == 0 ? nullptr : vector.data_ptr<float>();
}

}  // namespace sd35::host
