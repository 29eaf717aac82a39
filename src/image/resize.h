// Resampling of pictures.
#pragma once

#include "image/image.h"

namespace sd35 {

// The largest side a picture may have when it is read or resized.
inline constexpr int kMaxImageSide = 32768;

// Lanczos with three lobes (Duchon 1979), widened by the reduction factor; one side after the other, rounded
// to 8 bits after each. Equals Image.resize(size, LANCZOS) of Pillow 13 for RGB; earlier versions always take
// the width first, which differs where the height shrinks much more than the width. Throws ArgumentError
// unless both sides are in [1, kMaxImageSide].
Image resize(const Image& image, int width, int height);

}  // namespace sd35
