// The kernels compiled for avx512_bf16; kernels.cmake sets the flags.
#include "ops/native/kernels/isa_kernels.h"

namespace sd35::kernels {

const IsaKernels& avx512_bf16_kernels() { return kernels_of_this_file(); }

}  // namespace sd35::kernels
