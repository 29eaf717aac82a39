// Element types as people and other programs call them.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include "core/dtype.h"

namespace sd35 {

// "bfloat16", "torch.float16", "half", "FP32" become the names of name_of(DType); everything else only
// becomes lower case.
std::string canonical_type_name(std::string_view name);

// One of `possible`, in any spelling. Throws ArgumentError, which names them.
DType dtype_from_name(std::string_view name, std::initializer_list<DType> possible);

// The type that a pipeline computes in: f32 or bf16.
DType compute_type_from_name(std::string_view name);

// The type that noise is drawn in: f32, f16 or bf16.
DType noise_type_from_name(std::string_view name);

}  // namespace sd35
