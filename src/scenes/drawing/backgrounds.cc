#include "scenes/drawing/backgrounds.h"

#include <numbers>

#include "core/error.h"

namespace sd35 {
namespace {

void band(cairo_t* cr, double top, double bottom, double width, Rgb upper, Rgb lower) {
  const Pattern gradient(cairo_pattern_create_linear(0, top, 0, bottom));
  const auto stop = [&](double at, Rgb c) {
    cairo_pattern_add_color_stop_rgb(gradient.get(), at, c.red / 255.0, c.green / 255.0, c.blue / 255.0);
  };
  stop(0, upper);
  stop(1, lower);
  cairo_rectangle(cr, 0, top, width, bottom - top);
  cairo_set_source(cr, gradient.get());
  cairo_fill(cr);
}

void draw_beach(cairo_t* cr, double width, double height, Dice& dice) {
  const double horizon = height * dice.between(0.36, 0.44);
  const double shore = height * dice.between(0.56, 0.64);
  band(cr, 0, horizon, width, {120, 196, 246}, {196, 230, 252});
  band(cr, horizon, shore + 0.05, width, {28, 130, 196}, {70, 186, 214});
  cairo_move_to(cr, 0, height);
  cairo_line_to(cr, 0, shore);
  cairo_curve_to(cr, width * 0.3, shore - 0.05, width * 0.7, shore + 0.05, width, shore);
  cairo_line_to(cr, width, height);
  cairo_close_path(cr);
  fill_keep(cr, {242, 218, 160});
  stroke(cr, {250, 250, 244}, 0.02);
}

void draw_night(cairo_t* cr, double width, double height, Dice& dice) {
  const double ground = height * dice.between(0.8, 0.86);
  band(cr, 0, height, width, {10, 14, 46}, {44, 54, 110});
  for (int i = 0; i < 26; ++i) {
    const double radius = dice.between(0.004, 0.009);
    const double y = dice.between(0, ground);
    ellipse(cr, dice.between(0, width), y, radius, radius);
    fill(cr, {250, 246, 214});
  }
  // A moon in a corner: a disc, and the sky over a part of it.
  const double x = dice.chance(0.5) ? 0.13 : width - 0.13;
  ellipse(cr, x, 0.13, 0.08, 0.08);
  fill(cr, {252, 240, 176});
  ellipse(cr, x + 0.035, 0.115, 0.066, 0.066);
  fill(cr, {14, 18, 52});
  band(cr, ground, height, width, {26, 40, 52}, {18, 28, 38});
}

void draw_fir(cairo_t* cr, double x, double ground, double size, Rgb leaves) {
  cairo_rectangle(cr, x - 0.04 * size, ground - 0.2 * size, 0.08 * size, 0.2 * size);
  fill(cr, {92, 62, 38});
  for (int tier = 0; tier < 3; ++tier) {
    const double bottom = ground - (0.14 + 0.25 * tier) * size;
    const double half = (0.3 - 0.065 * tier) * size;
    cairo_move_to(cr, x - half, bottom);
    cairo_line_to(cr, x + half, bottom);
    cairo_line_to(cr, x, bottom - 0.42 * size);
    cairo_close_path(cr);
    fill(cr, leaves);
  }
}

void draw_forest(cairo_t* cr, double width, double height, Dice& dice) {
  const double ground = height * dice.between(0.66, 0.72);
  band(cr, 0, ground, width, {186, 220, 206}, {218, 236, 208});
  for (double x = dice.between(-0.1, 0.1); x < width + 0.2; x += dice.between(0.16, 0.22))
    draw_fir(cr, x, ground + 0.01, dice.between(0.55, 0.7), {98, 150, 98});
  band(cr, ground, height, width, {116, 162, 74}, {92, 140, 60});
  for (double x = dice.between(-0.08, 0.06); x < width + 0.2; x += dice.between(0.3, 0.4))
    draw_fir(cr, x, ground + 0.06, dice.between(0.7, 0.85), {52, 112, 62});
}

}  // namespace

void draw_background(cairo_t* cr, const Background& background, double width, double height, Dice& dice) {
  if (background.name == "beach") return draw_beach(cr, width, height, dice);
  if (background.name == "night") return draw_night(cr, width, height, dice);
  if (background.name == "forest") return draw_forest(cr, width, height, dice);
  set_colour(cr, background.rgb);
  cairo_paint(cr);
}

}  // namespace sd35
