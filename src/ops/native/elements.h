// Tensors as the kernels see them, and the sizes of their parallel loops.
#pragma once

#include <algorithm>
#include <string>

#include "core/error.h"
#include "ops/native/kernels/rows.h"
#include "ops/ops.h"

namespace sd35::native {

// Elements a thread should have before another one is worth waking.
constexpr std::int64_t kGrainElements = std::int64_t{1} << 15;

// Rows of `width` elements that make a grain.
inline std::int64_t grain_rows(std::int64_t width) {
  return std::max<std::int64_t>(1, kGrainElements / std::max<std::int64_t>(1, width));
}

inline kernels::Element element_of(DType dtype) {
  if (dtype == DType::f32) return kernels::Element::f32;
  if (dtype == DType::bf16) return kernels::Element::bf16;
  throw Error("the native engine computes on f32 and bf16, not " + std::string(name_of(dtype)));
}

// The elements of `x` from number `first` on, to read or to write.
inline kernels::In read_from(const Tensor& x, std::int64_t first) {
  const kernels::Element type = element_of(x.dtype());
  return {static_cast<const std::byte*>(x.raw()) + first * static_cast<std::int64_t>(size_of(x.dtype())),
          type};
}
inline kernels::Out write_to(Tensor& x, std::int64_t first) {
  const kernels::Element type = element_of(x.dtype());
  return {static_cast<std::byte*>(x.raw()) + first * static_cast<std::int64_t>(size_of(x.dtype())), type};
}

// The values of an optional f32 vector, or null.
inline const float* floats_or_null(const Tensor& vector) {
  return vector.defined() ? vector.data<float>() : nullptr;
}

inline kernels::Function function_of(Activation act) {
  switch (act) {
    case Activation::none:
      return kernels::Function::identity;
    case Activation::silu:
      return kernels::Function::silu;
    case Activation::gelu:
      return kernels::Function::gelu;
    case Activation::gelu_tanh:
      return kernels::Function::gelu_tanh;
    case Activation::quick_gelu:
      return kernels::Function::quick_gelu;
    case Activation::relu:
      return kernels::Function::relu;
  }
  throw Error("unknown activation");
}

}  // namespace sd35::native
