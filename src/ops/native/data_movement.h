// Operations that only move elements, in any type.
#pragma once

#include <span>

#include "core/tensor.h"

namespace sd35::native {

Tensor concat(std::span<const Tensor> parts, int dim);
Tensor slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end);
Tensor permute(const Tensor& x, std::span<const int> order);
// [B, Y, X, C] -> [B, 2Y, 2X, C]
Tensor upsample_nearest2x(const Tensor& x);
// Rows of a table of any float type, as f32.
Tensor embedding(const Tensor& table, const Tensor& ids);

}  // namespace sd35::native
