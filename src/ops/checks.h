// The contract of each verb of Ops, checked: every engine calls these first. Each throws Error with the verb
// and the shapes, and returns the shape of the result where that is not obvious.
#pragma once

#include <span>

#include "ops/ops.h"

namespace sd35::checks {

Shape linear(const Tensor& x, const Linear& w);
void updates(const Linear& w, std::span<const LowRankUpdate> updates);
Shape conv2d(const Shape& x, const Conv2d& w);
void last_dim(std::string_view verb, const Tensor& x, const Tensor& weight);  // weight [D] or undefined
void group_norm(const Shape& x, const GroupNorm& norm);
// x [B, T, D] with one vector per picture [B, D]
void per_picture(std::string_view verb, const Tensor& x, const Tensor& vector);
void same_shape(std::string_view verb, const Tensor& x, const Tensor& y);
// How often y fits into x: 1 for equal shapes, B for y [T, D] in x [B, T, D].
std::int64_t broadcast(std::string_view verb, const Tensor& x, const Tensor& y);
void attention(std::span<const AttentionStream> streams, const AttentionOptions& options);
Shape embedding(const Tensor& table, const Tensor& ids);
Shape concat(std::span<const Tensor> parts, int dim);
Shape slice(const Tensor& x, int dim, std::int64_t begin, std::int64_t end);
Shape permute(const Tensor& x, std::span<const int> order);

// A copy of `shape` with dimension `dim` (negative from the end) replaced.
Shape with_dim(const Shape& shape, int dim, std::int64_t value);

}  // namespace sd35::checks
