// How alike two pictures are.
#pragma once

#include "image/image.h"

namespace sd35 {

// The peak signal-to-noise ratio in dB; infinity when they are equal. Throws ArgumentError for different
// sizes.
double psnr(const Image& a, const Image& b);

}  // namespace sd35
