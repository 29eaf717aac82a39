// The plain shapes.
#pragma once

#include <string_view>

#include "scenes/drawing/canvas.h"

namespace sd35 {

// Adds the outline of a shape (scenes/things.h, shape_names) that fills a box. Throws ArgumentError for
// another name. Rings are filled with the even-odd rule.
void shape_path(cairo_t* cr, std::string_view name, const Box& box);

// How far down it reaches in its box.
double shape_bottom(std::string_view name, const Box& box);

// Lit from above, with a thin darker edge.
void draw_shape(cairo_t* cr, std::string_view name, const Box& box, Rgb colour);

}  // namespace sd35
