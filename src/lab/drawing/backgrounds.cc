#include "lab/drawing/backgrounds.h"

#include <algorithm>
#include <cmath>

namespace sd35 {
namespace {

constexpr Rgb kBright{255, 255, 255};
constexpr Rgb kDusk{38, 30, 66};  // what shadows tend to

void band(cairo_t* cr, double top, double bottom, double width, Rgb upper, Rgb lower) {
  cairo_rectangle(cr, 0, top, width, bottom - top);
  fill(cr, linear_gradient(0, top, 0, bottom, {{0, upper}, {1, lower}}));
}

// Light or haze around a point, over whatever is there.
void glow(cairo_t* cr, double x, double y, double radius, Rgb colour, double strength) {
  ellipse(cr, x, y, radius, radius);
  fill(cr, radial_gradient({x, y, 0}, {x, y, radius},
                           {{0, colour, strength}, {0.4, colour, 0.4 * strength}, {1, colour, 0}}));
}

// A wall and a floor of one colour without a corner between them, in the light of a lamp. The scorers
// recognize backgrounds by their colour, so nothing strays far from it.
double draw_studio(cairo_t* cr, Rgb colour, double width, double height, SceneRandom& random) {
  const double lightness = oklab(colour)[0];
  const double lighter = lightness < 0.4 ? 0.05 : 0.12;
  const double darker = lightness < 0.4 ? 0.14 : 0.1;
  const Rgb light = blend(colour, kBright, lighter), dark = blend(colour, kDusk, darker);
  const double x = width * random.between(0.35, 0.65), y = height * random.between(0.3, 0.42);
  const double floor = height * random.between(0.6, 0.7);
  cairo_rectangle(cr, 0, 0, width, height);
  fill(cr, radial_gradient({x, y, 0}, {x, y, 0.78 * std::hypot(width, height)},
                           {{0, light}, {0.5, colour}, {1, dark}}));
  cairo_rectangle(cr, 0, 0, width, height);
  fill(cr, linear_gradient(0, floor - 0.12 * height, 0, height,
                           {{0, dark, 0}, {0.28, dark, 0.45}, {0.5, dark, 0.25}, {1, dark, 0}}));
  return floor;
}

void draw_cloud(cairo_t* cr, double x, double y, double size) {
  constexpr Circle kPuffs[] = {
      {-0.5, 0.05, 0.3}, {-0.15, -0.1, 0.42}, {0.25, -0.04, 0.36}, {0.55, 0.08, 0.24}};
  for (const Circle& puff : kPuffs)
    glow(cr, x + puff.x * size, y + puff.y * size, 1.3 * puff.radius * size, {255, 255, 255}, 0.75);
}

double draw_beach(cairo_t* cr, double width, double height, SceneRandom& random) {
  const double horizon = height * random.between(0.36, 0.44);
  const double shore = height * random.between(0.56, 0.64);
  band(cr, 0, horizon, width, {96, 182, 246}, {208, 238, 254});
  const double side = random.chance(0.5) ? 0.3 : 0.7;
  glow(cr, side * width, 0.3 * horizon, 0.34, {255, 250, 214}, 0.8);
  draw_cloud(cr, (1 - side) * width, horizon * random.between(0.3, 0.6), random.between(0.14, 0.2));
  band(cr, horizon, shore + 0.05, width, {36, 132, 204}, {92, 208, 222});
  // Light on the water, then the sand with its wet edge and foam.
  for (int i = 0; i < 14; ++i) {
    const double y = random.between(horizon + 0.01, shore - 0.03);
    const double half = random.between(0.01, 0.04);
    ellipse(cr, random.between(0.08, 0.92) * width, y, half, 0.0035);
    set_colour(cr, kBright, 0.4);
    cairo_fill(cr);
  }
  const auto coast = [&](double lower) {
    cairo_move_to(cr, 0, height);
    cairo_line_to(cr, 0, shore + lower);
    cairo_curve_to(cr, width * 0.3, shore - 0.05 + lower, width * 0.7, shore + 0.05 + lower, width,
                   shore + lower);
    cairo_line_to(cr, width, height);
    cairo_close_path(cr);
  };
  coast(-0.012);
  set_colour(cr, kBright, 0.85);
  cairo_fill(cr);
  coast(0.01);
  fill(cr, linear_gradient(0, shore, 0, height,
                           {{0, {214, 184, 128}}, {0.16, {242, 216, 158}}, {1, {250, 228, 178}}}));
  return shore + 0.06;
}

double draw_night(cairo_t* cr, double width, double height, SceneRandom& random) {
  const double ground = height * random.between(0.8, 0.86);
  cairo_rectangle(cr, 0, 0, width, height);
  fill(cr, linear_gradient(0, 0, 0, ground, {{0, {10, 14, 46}}, {0.6, {30, 38, 92}}, {1, {66, 66, 132}}}));
  for (int i = 0; i < 26; ++i) {
    const double radius = random.between(0.003, 0.007);
    const double y = random.between(0, 0.9 * ground), x = random.between(0, width);
    glow(cr, x, y, 3 * radius, {210, 220, 255}, 0.45);
    ellipse(cr, x, y, radius, radius);
    fill(cr, {252, 250, 228});
  }
  // A moon in a corner: a disc, and the sky over a part of it.
  const double x = random.chance(0.5) ? 0.14 : width - 0.14;
  glow(cr, x, 0.14, 0.2, {190, 200, 255}, 0.32);
  cairo_push_group(cr);
  ellipse(cr, x, 0.14, 0.08, 0.08);
  fill(cr, radial_gradient({x - 0.03, 0.12, 0.01}, {x, 0.14, 0.09},
                           {{0, {255, 250, 214}}, {1, {246, 220, 140}}}));
  cairo_set_operator(cr, CAIRO_OPERATOR_DEST_OUT);
  ellipse(cr, x + 0.036, 0.122, 0.066, 0.066);
  set_colour(cr, {0, 0, 0});
  cairo_fill(cr);
  cairo_pop_group_to_source(cr);
  cairo_paint(cr);
  band(cr, ground, height, width, {40, 52, 84}, {20, 28, 46});
  return ground;
}

void draw_fir(cairo_t* cr, double x, double ground, double size, Rgb leaves) {
  cairo_rectangle(cr, x - 0.035 * size, ground - 0.2 * size, 0.07 * size, 0.2 * size);
  fill(cr, linear_gradient(x - 0.04 * size, 0, x + 0.04 * size, 0, {{0, {106, 72, 44}}, {1, {80, 54, 36}}}));
  for (int tier = 0; tier < 3; ++tier) {
    const double bottom = ground - (0.09 + 0.26 * tier) * size;
    const double half = (0.3 - 0.065 * tier) * size;
    const double top = bottom - 0.42 * size;
    cairo_move_to(cr, x, top);
    cairo_curve_to(cr, x + 0.3 * half, top + 0.2 * size, x + 0.7 * half, bottom - 0.1 * size, x + half,
                   bottom);
    cairo_curve_to(cr, x + 0.5 * half, bottom + 0.05 * size, x - 0.5 * half, bottom + 0.05 * size, x - half,
                   bottom);
    cairo_curve_to(cr, x - 0.7 * half, bottom - 0.1 * size, x - 0.3 * half, top + 0.2 * size, x, top);
    cairo_close_path(cr);
    fill(cr,
         linear_gradient(
             x - half, top, x + half, bottom,
             {{0, blend(leaves, {236, 246, 170}, 0.12)}, {0.5, leaves}, {1, blend(leaves, kDusk, 0.13)}}));
  }
}

double draw_forest(cairo_t* cr, double width, double height, SceneRandom& random) {
  const double ground = height * random.between(0.66, 0.72);
  band(cr, 0, ground, width, {172, 218, 220}, {236, 244, 206});
  glow(cr, width * random.between(0.35, 0.65), 0.2 * height, 0.5, {255, 252, 214}, 0.7);
  for (double x = random.between(-0.1, 0.1); x < width + 0.2; x += random.between(0.16, 0.22))
    draw_fir(cr, x, ground + 0.01, random.between(0.55, 0.7), {122, 176, 128});
  band(cr, ground, height, width, {134, 182, 82}, {92, 146, 62});
  for (double x = random.between(-0.08, 0.06); x < width + 0.2; x += random.between(0.3, 0.4)) {
    draw_fir(cr, x, ground + 0.06, random.between(0.7, 0.85), {52, 124, 70});
  }
  return ground + 0.08;
}

}  // namespace

double draw_background(cairo_t* cr, const Background& background, double width, double height,
                       SceneRandom& random) {
  if (background.name == "beach") return draw_beach(cr, width, height, random);
  if (background.name == "night") return draw_night(cr, width, height, random);
  if (background.name == "forest") return draw_forest(cr, width, height, random);
  return draw_studio(cr, background.rgb, width, height, random);
}

}  // namespace sd35
