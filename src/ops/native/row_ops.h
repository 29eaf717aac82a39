// Operations on rows and single elements: norms over the last dimension, activations, the residual stream.
#pragma once

#include "ops/ops.h"

namespace sd35::native {

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, DType result_type);
Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps, DType result_type);
Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale, float eps, DType result_type);

Tensor activate(const Tensor& x, Activation act, DType result_type);
Tensor gated_activate(const Tensor& gate, const Tensor& x, Activation act, DType result_type);

// In place where `x` is the only tensor that sees its memory, else in a copy.
Tensor add(Tensor x, const Tensor& y);
Tensor gated_add(Tensor x, const Tensor& gate, const Tensor& y);

}  // namespace sd35::native
