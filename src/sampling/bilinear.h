// Latents of another size.
#pragma once

#include "core/tensor.h"

namespace sd35 {

// [B, C, h, w] f32 -> [B, C, height, width]: torch's interpolate(mode="bilinear") without antialiasing.
Tensor bilinear(const Tensor& latents, std::int64_t height, std::int64_t width);

}  // namespace sd35
