// The plain shapes.
#pragma once

#include <string_view>

#include "lab/drawing/canvas.h"

namespace sd35 {

// Adds the outline of a shape (lab/scenes/things.h, shape_names) that fills a box. Throws ArgumentError for
// another name. Rings are filled with the even-odd rule.
void shape_path(cairo_t* cr, std::string_view name, const Box& box);

// Where it touches the ground below its box: from the left to the right end, and how deep.
struct ShapeFoot {
  double left = 0;
  double right = 0;
  double y = 0;
};
ShapeFoot shape_foot(std::string_view name, const Box& box);

// Lit from above, with a thin darker edge.
void draw_shape(cairo_t* cr, std::string_view name, const Box& box, Rgb colour);

}  // namespace sd35
