// The paws of something that holds a thing.
#pragma once

#include "lab/drawing/canvas.h"

namespace sd35 {

// One paw around the upper edge of something, its knuckles at (x, y), about `size` wide.
void draw_paw(cairo_t* cr, Rgb fur, double x, double y, double size);

}  // namespace sd35
