// Operations on rows and single elements: norms over the last dimension, activations, the residual stream.
#pragma once

#include "ops/ops.h"

namespace sd35::native {

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, DType result_type);
Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps, DType result_type);
Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale, float eps, DType result_type);

Tensor activate(const Tensor& x, Activation act, DType result_type);
Tensor gated_activate(const Tensor& gate, const Tensor& x, Activation act, DType result_type);

// `x`, or a copy of it where another tensor sees its memory.
Tensor writable(Tensor x);

// In place where `x` is the only tensor that sees its memory, else in a copy. y may be smaller: Ops::add.
Tensor add(Tensor x, const Tensor& y);
void add_to(Tensor& x, const Tensor& y);  // x += y
Tensor gated_add(Tensor x, const Tensor& gate, const Tensor& y);

}  // namespace sd35::native
