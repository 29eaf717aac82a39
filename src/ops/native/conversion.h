// Element types on the way into and out of the engine, on all threads.
#pragma once

#include "core/tensor.h"

namespace sd35::native {

// The type GEMMs and convolutions run in: `compute_type`, or f32 where the CPU has no bf16 instructions.
DType gemm_type(DType compute_type);

// Converts `count` elements between any two float types.
void convert_elements(const void* source, DType source_type, void* target, DType target_type,
                      std::int64_t count);

// `x` in another float type; the same type shares memory.
Tensor converted(const Tensor& x, DType dtype);

}  // namespace sd35::native
