// Convolutions on oneDNN, channels last.
#pragma once

#include <functional>

#include "ops/ops.h"

namespace sd35::native {

// x * W + b in `result_type`, f32 or the compute type. Weights may be prepared or of any float type.
Tensor conv2d(const Tensor& x, const Conv2d& w, DType compute_type, DType result_type);

// Rows [begin, end) of one picture of a convolution's input, [1, end - begin, X, in].
using RowSource = std::function<Tensor(std::int64_t picture, std::int64_t begin, std::int64_t end)>;

// The same for an input of shape `input` that `rows` makes band by band, so that it never exists as a whole;
// added to `residual`, unless that is undefined.
Tensor conv2d_in_bands(const Shape& input, const RowSource& rows, const Conv2d& w, Tensor residual,
                       DType compute_type, DType result_type);
// Whether a convolution of such an input, or its result, is more than one band.
bool wants_bands(const Shape& input, const Conv2d& w);

// Rows [begin, end) of one picture of x [B, Y, X, C], sharing its memory: [1, end - begin, X, C].
Tensor rows_of_picture(const Tensor& x, std::int64_t picture, std::int64_t begin, std::int64_t end);

// Repacks the filter in the type convolutions run in; leaves `conv.weight` undefined.
void prepare_conv2d(Conv2d& conv, DType compute_type);

}  // namespace sd35::native
