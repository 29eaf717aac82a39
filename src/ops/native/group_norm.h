#pragma once

#include <cstdint>
#include <vector>

#include "ops/ops.h"

namespace sd35::native {

// What a norm does to one picture: x * scale + shift, [C] each.
struct ChannelAffine {
  std::vector<float> scale, shift;
};

// A group norm of pictures [B, Y, X, C] whose statistics are taken, but which is written row by row.
class NormedPictures {
 public:
  NormedPictures(const Tensor& x, const GroupNorm& norm);
  // Rows of a picture from `begin` on, as many as `target` [1, rows, X, C] has.
  void write_rows(std::int64_t picture, std::int64_t begin, Tensor& target) const;

 private:
  const Tensor& x_;
  Activation act_;
  std::vector<ChannelAffine> affine_;  // of each picture
};

// act(group norm) of a picture [B, Y, X, C], channels last, in `result_type`.
Tensor group_norm(const Tensor& x, const GroupNorm& norm, DType result_type);

}  // namespace sd35::native
