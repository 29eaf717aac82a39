#include "lab/drawing/paws.h"

namespace sd35 {
namespace {

constexpr Rgb kPawShadow{32, 26, 52};

}  // namespace

void draw_paw(cairo_t* cr, Rgb fur, double x, double y, double size) {
  cairo_save(cr);
  cairo_translate(cr, x, y);
  cairo_scale(cr, size, size);
  // Short, because letters begin just below.
  ellipse(cr, 0, 0.1, 0.58, 0.36);
  fill(cr, radial_gradient({0, 0.1, 0.2}, {0, 0.1, 0.58}, {{0, kPawShadow, 0.34}, {1, kPawShadow, 0}}));
  // Three fingers in front of the back of the paw.
  const Rgb light = blend(fur, {255, 255, 255}, 0.22), deep = blend(fur, kPawShadow, 0.34);
  ellipse(cr, 0, -0.1, 0.5, 0.34);
  fill(cr, linear_gradient(0, -0.45, 0, 0.3, {{0, light}, {1, deep}}));
  for (const double finger : {-0.31, 0.31, 0.0}) {
    rounded_rectangle(cr, {finger - 0.18, -0.2, 0.36, finger == 0 ? 0.5 : 0.44}, 0.18);
    fill(cr, radial_gradient({finger - 0.05, -0.05, 0.02}, {finger, 0.05, 0.42},
                             {{0, light}, {0.5, fur}, {1, deep}}));
  }
  cairo_restore(cr);
}

}  // namespace sd35
