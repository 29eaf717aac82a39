// A first content for what is to be painted: the colours around it, spread inwards.
#pragma once

#include "image/image.h"
#include "image/mask.h"

namespace sd35 {

// The picture, its masked part filled with blurs of the rest, from wide (256 pixels) to narrow: what
// AUTOMATIC1111's web UI calls "fill" (modules/masking.py), with the arithmetic of Pillow's GaussianBlur and
// alpha_composite. Throws Error unless both have one size.
Image blur_filled(const Image& image, const Mask& mask);

}  // namespace sd35
