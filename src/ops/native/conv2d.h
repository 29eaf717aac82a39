// Convolutions on oneDNN, channels last, of whole pictures or bands of them.
#pragma once

#include "ops/ops.h"

namespace sd35::native {

// Rows of zeros above and below the input.
struct RowPadding {
  int top = 0, bottom = 0;
};

// Writes x * W + b to y, f32 or the compute type. Weights may be prepared or of any float type.
void convolve(const Tensor& x, const Conv2d& w, RowPadding padding, DType compute_type, Tensor& y);

// Rows [begin, end) of one picture of x [B, Y, X, C], sharing its memory: [1, end - begin, X, C].
Tensor rows_of_picture(const Tensor& x, std::int64_t picture, std::int64_t begin, std::int64_t end);

// How many rows of such an input, or of its result if that has more channels, take `bytes` in f32.
std::int64_t rows_per_band(const Shape& input, const Conv2d& w, std::int64_t bytes);

// What rows [first, last) of a result are made of: rows [begin, end) of the input and zeros.
struct InputRows {
  std::int64_t begin, end;
  RowPadding padding;
};
InputRows rows_to_convolve(const Shape& input, const Conv2d& w, std::int64_t first, std::int64_t last);

// Repacks the filter in the type convolutions run in; leaves `conv.weight` undefined.
void prepare_conv2d(Conv2d& conv, DType compute_type);

}  // namespace sd35::native
