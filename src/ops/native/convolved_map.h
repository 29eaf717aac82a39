// Convolutions of feature maps, and of pictures too large to be normalized, upsampled or widened as a whole.
#pragma once

#include "ops/native/feature_map.h"
#include "ops/ops.h"

namespace sd35::native {

// What happens to a map before it is convolved.
struct BeforeConvolution {
  const GroupNorm* norm = nullptr;
  bool upsampled = false;  // twice as high and wide
};

// The convolution of x, in `result_type`: f32 or the compute type. Plus `residual`, of the same type, unless
// that is null.
MapRef convolved_map(MapRef x, const BeforeConvolution& before, const Conv2d& w, MapRef residual,
                     DType compute_type, DType result_type);

// The same of pictures [B, Y, X, C], which are kept, as their result is. `residual` may be undefined.
Tensor convolved(const Tensor& x, const BeforeConvolution& before, const Conv2d& w, Tensor residual,
                 DType compute_type, DType result_type);

}  // namespace sd35::native
