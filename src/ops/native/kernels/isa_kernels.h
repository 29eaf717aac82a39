// The table of the kernels as this file's flags compile them. Included by isa_*.cc.
#pragma once

#include "ops/native/kernels/attention_backward_simd.h"
#include "ops/native/kernels/linear_simd.h"
#include "ops/native/kernels/rows_backward_simd.h"

namespace sd35::kernels {
namespace {

const IsaKernels& kernels_of_this_file() {
#if defined(__AVX512BF16__)
  static constexpr AttentionKernels bf16 = attention_kernels_of<Bf16Unit>();
  static constexpr const AttentionKernels* attention_bf16 = &bf16;
  static constexpr FloatLinearKernels linear = float_linear_kernels_of<Bf16Unit>();
  static constexpr const FloatLinearKernels* linear_bf16 = &linear;
#else
  static constexpr const AttentionKernels* attention_bf16 = nullptr;
  static constexpr const FloatLinearKernels* linear_bf16 = nullptr;
#endif
  static constexpr IsaKernels kernels = {
      {layer_norm, rms_norm, gated_add, activate, gated_activate, channel_sums, scale_shift, convert,
       widen_stored, layer_norm_backward, rms_norm_backward, gated_add_backward, activate_backward},
      attention_kernels_of<F32Unit>(),
      attention_bf16,
      {float_linear_kernels_of<F32Unit>(), linear_bf16, integer_linear_kernels_of<IntegerUnit>()}};
  return kernels;
}

}  // namespace
}  // namespace sd35::kernels
