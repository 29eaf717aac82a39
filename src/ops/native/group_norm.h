#pragma once

#include "ops/ops.h"

namespace sd35::native {

// act(group norm) of a picture [B, Y, X, C], channels last, in `result_type`.
Tensor group_norm(const Tensor& x, int groups, const Tensor& weight, const Tensor& bias, float eps,
                  Activation act, DType result_type);

}  // namespace sd35::native
