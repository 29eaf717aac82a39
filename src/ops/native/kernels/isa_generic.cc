// The kernels compiled for generic; kernels.cmake sets the flags.
#include "ops/native/kernels/isa_kernels.h"

namespace sd35::kernels {

const IsaKernels& generic_kernels() { return kernels_of_this_file(); }

}  // namespace sd35::kernels
