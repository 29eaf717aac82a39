// Linear layers whose weights stay quantized: unpacked a panel of output features at a time into a cache, or
// multiplied in 8 bits with rows of x that are quantized as they come (8 bits, a scale per row).
#pragma once

#include "ops/ops.h"

namespace sd35::native {

// A quantized weight in the order the kernels read it.
class QuantizedWeight : public PreparedWeight {
 public:
  // y = act(x W^T + b), or act(x W^T + b + y) where it is to accumulate; y is [..., out], f32 or bf16.
  virtual void product(const Tensor& x, const Tensor& bias, Activation act, bool accumulate,
                       Tensor& y) const = 0;
};

std::shared_ptr<const QuantizedWeight> pack_quantized(const std::shared_ptr<const QuantizedMatrix>& matrix,
                                                      DType compute_type);

// From what PreparedWeight::packed() of such a weight returned; null where it is something else, has other
// sizes, or was made for other kernels.
std::shared_ptr<const QuantizedWeight> restore_quantized(const PackedWeight& packed, std::int64_t out,
                                                         std::int64_t in, DType compute_type);

}  // namespace sd35::native
