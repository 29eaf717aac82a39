#pragma once

#include <cstdint>
#include <vector>

#include "ops/ops.h"

namespace sd35::native {

// What a norm does to one picture: x * scale + shift, [C] each.
struct ChannelAffine {
  std::vector<float> scale, shift;
};

// Sums over the pixels of one picture, for every channel. Each row is summed by itself, and rows in their
// order: neither threads nor bands change a bit.
class ChannelSums {
 public:
  // The next rows, [1, rows, X, C].
  void add_rows(const Tensor& rows);
  // Of the norm of all that was added.
  ChannelAffine affine(const GroupNorm& norm) const;

 private:
  std::int64_t pixels_ = 0;
  // Of differences from the first pixel, so that a mean far from zero costs no digits.
  std::vector<float> first_pixel_;
  std::vector<double> sums_, squares_;
};

// act(x * scale + shift) of x [1, rows, X, C], to the rows of `target` from number `row` on.
void normalize_rows(const Tensor& x, const ChannelAffine& affine, Activation act, Tensor& target,
                    std::int64_t row);

// act(group norm) of a picture [B, Y, X, C], channels last, in `result_type`.
Tensor group_norm(const Tensor& x, const GroupNorm& norm, DType result_type);

}  // namespace sd35::native
