// Convolutions on oneDNN, channels last.
#pragma once

#include "ops/ops.h"

namespace sd35::native {

// x * W + b in `result_type`, f32 or the compute type. Weights may be prepared or of any float type.
Tensor conv2d(const Tensor& x, const Conv2d& w, DType compute_type, DType result_type);

// Repacks the filter in the type convolutions run in; leaves `conv.weight` undefined.
void prepare_conv2d(Conv2d& conv, DType compute_type);

}  // namespace sd35::native
