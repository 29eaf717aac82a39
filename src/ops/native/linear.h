// Linear layers on oneDNN's matrix products.
#pragma once

#include "ops/ops.h"

namespace sd35::native {

// act(x W^T + b) in `result_type`, f32 or the compute type. Weights may be prepared or of any float type.
Tensor linear(const Tensor& x, const Linear& w, Activation act, DType compute_type, DType result_type);

// Reuse::many repacks the weight for the matrix unit; Reuse::once keeps it as it lies. Either way it ends in
// the compute type, and `linear.weight` is left undefined where `linear.prepared` took its place. Quantized
// weights stay quantized.
void prepare_linear(Linear& linear, Reuse reuse, DType compute_type);

// Ops::attach: the updates end in `linear.prepared_updates`.
void attach_updates(Linear& linear, const std::vector<LowRankUpdate>& updates, DType compute_type);

// Ops::identity, Ops::packing and Ops::restore.
std::string identity(DType compute_type);
std::string packing(DType compute_type);
bool restore_linear(Linear& linear, const PackedWeight& packed, DType compute_type);

}  // namespace sd35::native
