// Several pictures in one.
#pragma once

#include <span>

#include "image/image.h"

namespace sd35 {

// The pictures row by row in so many columns; what is left over at the end is white. Throws ArgumentError for
// no pictures, no columns and pictures of different sizes.
Image grid_of(std::span<const Image> images, int columns);

// The same, as many columns as make the grid about square but always an even number of them for more than
// two, so that pairs stay side by side.
Image grid_of(std::span<const Image> images);

}  // namespace sd35
