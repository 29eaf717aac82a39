// The kernels compiled for avx2; kernels.cmake sets the flags.
#include "ops/native/kernels/isa_kernels.h"

namespace sd35::kernels {

const IsaKernels& avx2_kernels() { return kernels_of_this_file(); }

}  // namespace sd35::kernels
