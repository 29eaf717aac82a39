#include "lab/drawing/shadows.h"

#include <algorithm>

namespace sd35 {
namespace {

constexpr Rgb kShadow{32, 26, 52};
constexpr double kGroundStrength = 0.3;
constexpr double kBoardStrength = 0.3;
constexpr double kFlatness = 0.25;  // height of a shadow on the ground to its width

}  // namespace

void draw_contact_shadow(cairo_t* cr, double left, double right, double y) {
  const double radius = (right - left) / 2;
  cairo_save(cr);
  cairo_translate(cr, (left + right) / 2, y);
  cairo_scale(cr, radius, kFlatness * radius);
  const Pattern dark = radial_gradient({0, 0, 0}, {0, 0, 1},
                                       {{0, kShadow, kGroundStrength},
                                        {0.3, kShadow, 0.8 * kGroundStrength},
                                        {0.7, kShadow, 0.22 * kGroundStrength},
                                        {1, kShadow, 0}});
  ellipse(cr, 0, 0, 1, 1);
  fill(cr, dark);
  cairo_restore(cr);
}

void draw_contact_shadow(cairo_t* cr, const Sprite& sprite, const Box& place, bool mirrored) {
  const double middle = mirrored ? 1 - sprite.foot : sprite.foot;
  const double half = std::max(0.62 * sprite.foot_width, 0.24) * place.width + 0.02;
  const double x = place.x + middle * place.width;
  draw_contact_shadow(cr, x - half, x + half, place.bottom() - 0.008);
}

void draw_board_shadow(cairo_t* cr, const Box& box, double reach) {
  constexpr int kSteps = 10;
  for (int i = 0; i < kSteps; ++i) {
    const double out = reach * (1 - 2.0 * i / kSteps);
    const Box larger{box.x - out, box.y - out + 0.6 * reach, box.width + 2 * out, box.height + 2 * out};
    rounded_rectangle(cr, larger, 0.03 + std::max(out, 0.0));
    set_colour(cr, kShadow, kBoardStrength / kSteps);
    cairo_fill(cr);
  }
}

}  // namespace sd35
