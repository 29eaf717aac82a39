#include "lab/drawing/drawn_things.h"

namespace sd35 {
namespace {

constexpr Rgb kNearlyBlack{44, 30, 34};
constexpr Rgb kLamp{255, 236, 204};  // what light tends to
constexpr Rgb kGloom{64, 22, 62};    // what shadows tend to

// One fur in a light from the upper left.
struct Coat {
  explicit Coat(Rgb colour)
      : light(blend(colour, kLamp, 0.4)),
        fur(colour),
        deep(blend(colour, kGloom, 0.4)),
        muzzle(blend(colour, kGloom, 0.2)),
        belly(blend(colour, kLamp, 0.34)) {}

  Rgb light, fur, deep, muzzle, belly;
};

// A ball-like light over something around (x, y) that reaches `radius` far.
Pattern round_light(double x, double y, double radius, Rgb light, Rgb middle, Rgb deep) {
  return radial_gradient({x - 0.32 * radius, y - 0.45 * radius, 0.05 * radius}, {x, y, 1.1 * radius},
                         {{0, light}, {0.5, middle}, {1, deep}});
}

void draw_eye(cairo_t* cr, double x, double y, double radius) {
  ellipse(cr, x, y, radius, 1.25 * radius);
  fill(cr, round_light(x, y, 1.3 * radius, {98, 72, 74}, kNearlyBlack, {22, 12, 20}));
  ellipse(cr, x - 0.28 * radius, y - 0.5 * radius, 0.32 * radius, 0.36 * radius);
  set_colour(cr, {255, 255, 255}, 0.92);
  cairo_fill(cr);
}

void draw_ear(cairo_t* cr, double x, double y, double radius, double angle, const Coat& coat) {
  ellipse(cr, x, y, 0.84 * radius, radius, angle);
  fill(cr, round_light(x, y, radius, coat.fur, blend(coat.fur, coat.deep, 0.5), coat.deep));
  ellipse(cr, x, y + 0.16 * radius, 0.48 * radius, 0.62 * radius, angle);
  fill(cr, blend(coat.deep, {226, 120, 128}, 0.34));
}

void draw_legs(cairo_t* cr, std::initializer_list<double> places, Rgb colour) {
  for (const double x : places) {
    rounded_rectangle(cr, {x, 0.66, 0.125, 0.29}, 0.055);
    fill(cr,
         linear_gradient(x, 0, x + 0.125, 0,
                         {{0, blend(colour, kLamp, 0.12)}, {0.5, colour}, {1, blend(colour, kGloom, 0.3)}}));
    rounded_rectangle(cr, {x - 0.03, 0.9, 0.15, 0.075}, 0.037);
    fill(cr, linear_gradient(0, 0.9, 0, 0.975,
                             {{0, blend(colour, kGloom, 0.25)}, {1, blend(colour, kGloom, 0.6)}}));
  }
}

void side_head_path(cairo_t* cr) {
  // A long box: flat forehead, blunt muzzle.
  cairo_move_to(cr, 0.50, 0.20);
  cairo_curve_to(cr, 0.42, 0.11, 0.30, 0.135, 0.22, 0.175);
  cairo_curve_to(cr, 0.14, 0.205, 0.09, 0.205, 0.055, 0.24);
  cairo_curve_to(cr, 0.0, 0.30, 0.0, 0.44, 0.05, 0.495);
  cairo_curve_to(cr, 0.09, 0.54, 0.20, 0.55, 0.30, 0.56);
  cairo_curve_to(cr, 0.42, 0.575, 0.52, 0.57, 0.57, 0.49);
  cairo_curve_to(cr, 0.60, 0.40, 0.58, 0.28, 0.50, 0.20);
  cairo_close_path(cr);
}

void draw_side_head(cairo_t* cr, const Coat& coat) {
  draw_ear(cr, 0.385, 0.14, 0.06, 0.25, coat);
  side_head_path(cr);
  fill_keep(cr, radial_gradient({0.26, 0.2, 0.02}, {0.32, 0.34, 0.36},
                                {{0, coat.light}, {0.5, coat.fur}, {1, coat.deep}}));
  cairo_save(cr);
  cairo_clip(cr);
  // The muzzle is darker; the cheek is warm.
  ellipse(cr, 0.04, 0.38, 0.2, 0.24);
  fill(cr, radial_gradient({0.05, 0.33, 0.02}, {0.04, 0.38, 0.2},
                           {{0, blend(coat.muzzle, kLamp, 0.14)}, {0.6, coat.muzzle}, {1, coat.muzzle, 0}}));
  ellipse(cr, 0.3, 0.4, 0.08, 0.06);
  fill(cr, radial_gradient({0.3, 0.4, 0}, {0.3, 0.4, 0.075},
                           {{0, {250, 120, 110}, 0.32}, {1, {250, 120, 110}, 0}}));
  cairo_restore(cr);
  ellipse(cr, 0.055, 0.295, 0.02, 0.032, 0.3);
  fill(cr, kNearlyBlack);
  cairo_move_to(cr, 0.05, 0.43);
  cairo_curve_to(cr, 0.09, 0.465, 0.14, 0.455, 0.18, 0.415);
  cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
  stroke(cr, kNearlyBlack, 0.016);
  draw_ear(cr, 0.455, 0.15, 0.066, 0.35, coat);
  draw_eye(cr, 0.285, 0.275, 0.034);
}

void draw_side(cairo_t* cr, const Coat& coat) {
  draw_legs(cr, {0.53, 0.83}, coat.deep);
  // A barrel without a tail.
  cairo_move_to(cr, 0.36, 0.36);
  cairo_curve_to(cr, 0.42, 0.18, 0.56, 0.185, 0.68, 0.185);
  cairo_curve_to(cr, 0.88, 0.185, 0.99, 0.32, 0.995, 0.52);
  cairo_curve_to(cr, 1.0, 0.72, 0.93, 0.815, 0.78, 0.83);
  cairo_curve_to(cr, 0.64, 0.845, 0.54, 0.84, 0.46, 0.80);
  cairo_curve_to(cr, 0.36, 0.75, 0.32, 0.56, 0.36, 0.36);
  fill_keep(cr, radial_gradient({0.6, 0.28, 0.03}, {0.66, 0.46, 0.42},
                                {{0, coat.light}, {0.5, coat.fur}, {1, coat.deep}}));
  cairo_save(cr);
  cairo_clip(cr);
  // Below the head it is dark, along the belly it is light again.
  ellipse(cr, 0.34, 0.56, 0.26, 0.2);
  fill(cr, radial_gradient({0.34, 0.56, 0.05}, {0.34, 0.56, 0.26}, {{0, kGloom, 0.4}, {1, kGloom, 0}}));
  ellipse(cr, 0.68, 0.88, 0.3, 0.14);
  fill(cr, radial_gradient({0.68, 0.9, 0.02}, {0.68, 0.9, 0.26}, {{0, coat.belly, 0.6}, {1, coat.belly, 0}}));
  cairo_restore(cr);
  draw_legs(cr, {0.42, 0.735}, blend(coat.fur, coat.deep, 0.35));
  draw_side_head(cr, coat);
}

void front_head_path(cairo_t* cr, double x, double y, double w) {
  // Narrow on top, wide and blunt below.
  cairo_move_to(cr, x, y - 1.08 * w);
  cairo_curve_to(cr, x + 0.5 * w, y - 1.08 * w, x + 0.84 * w, y - 0.86 * w, x + 0.9 * w, y - 0.3 * w);
  cairo_curve_to(cr, x + 0.94 * w, y - 0.04 * w, x + 1.02 * w, y + 0.14 * w, x + 1.02 * w, y + 0.42 * w);
  cairo_curve_to(cr, x + 1.02 * w, y + 0.9 * w, x + 0.62 * w, y + 1.08 * w, x, y + 1.08 * w);
  cairo_curve_to(cr, x - 0.62 * w, y + 1.08 * w, x - 1.02 * w, y + 0.9 * w, x - 1.02 * w, y + 0.42 * w);
  cairo_curve_to(cr, x - 1.02 * w, y + 0.14 * w, x - 0.94 * w, y - 0.04 * w, x - 0.9 * w, y - 0.3 * w);
  cairo_curve_to(cr, x - 0.84 * w, y - 0.86 * w, x - 0.5 * w, y - 1.08 * w, x, y - 1.08 * w);
  cairo_close_path(cr);
}

void draw_muzzle(cairo_t* cr, double x, double y, double w, const Coat& coat) {
  rounded_rectangle(cr, {x - 0.66 * w, y - 0.14 * w, 1.32 * w, 1.08 * w}, 0.5 * w);
  fill(cr,
       radial_gradient(
           {x - 0.1 * w, y + 0.02 * w, 0.04 * w}, {x, y + 0.36 * w, 0.86 * w},
           {{0, blend(coat.muzzle, kLamp, 0.3)}, {0.55, coat.muzzle}, {1, blend(coat.muzzle, kGloom, 0.4)}}));
  for (const double side : {-1.0, 1.0}) {
    ellipse(cr, x + side * 0.26 * w, y + 0.14 * w, 0.12 * w, 0.085 * w, side * -0.5);
    fill(cr, kNearlyBlack);
  }
  cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
  cairo_move_to(cr, x, y + 0.32 * w);
  cairo_line_to(cr, x, y + 0.5 * w);
  cairo_move_to(cr, x - 0.32 * w, y + 0.52 * w);
  cairo_curve_to(cr, x - 0.26 * w, y + 0.7 * w, x - 0.06 * w, y + 0.7 * w, x, y + 0.5 * w);
  cairo_curve_to(cr, x + 0.06 * w, y + 0.7 * w, x + 0.26 * w, y + 0.7 * w, x + 0.32 * w, y + 0.52 * w);
  stroke(cr, kNearlyBlack, 0.06 * w);
}

// From the front, as wide as 2 `w`, its middle at (x, y).
void draw_front_head(cairo_t* cr, double x, double y, double w, const Coat& coat) {
  draw_ear(cr, x - 0.7 * w, y - 0.9 * w, 0.25 * w, -0.5, coat);
  draw_ear(cr, x + 0.7 * w, y - 0.9 * w, 0.25 * w, 0.5, coat);
  front_head_path(cr, x, y, w);
  fill(cr, radial_gradient({x - 0.28 * w, y - 0.7 * w, 0.06 * w}, {x, y - 0.1 * w, 1.32 * w},
                           {{0, coat.light}, {0.5, coat.fur}, {1, coat.deep}}));
  for (const double side : {-1.0, 1.0}) {
    const double cheek = x + side * 0.76 * w;
    ellipse(cr, cheek, y + 0.12 * w, 0.22 * w, 0.2 * w);
    fill(cr, radial_gradient({cheek, y + 0.12 * w, 0}, {cheek, y + 0.12 * w, 0.22 * w},
                             {{0, {255, 122, 112}, 0.4}, {1, {255, 122, 112}, 0}}));
    draw_eye(cr, x + side * 0.55 * w, y - 0.34 * w, 0.125 * w);
  }
  draw_muzzle(cr, x, y, w, coat);
}

void draw_sitting(cairo_t* cr, const Coat& coat) {
  cairo_move_to(cr, 0.30, 0.40);
  cairo_curve_to(cr, 0.08, 0.52, 0.04, 0.98, 0.22, 0.985);
  cairo_line_to(cr, 0.78, 0.985);
  cairo_curve_to(cr, 0.96, 0.98, 0.92, 0.52, 0.70, 0.40);
  cairo_close_path(cr);
  fill(cr, radial_gradient({0.4, 0.55, 0.04}, {0.5, 0.7, 0.46},
                           {{0, coat.fur}, {0.5, blend(coat.fur, coat.deep, 0.3)}, {1, coat.deep}}));
  ellipse(cr, 0.5, 0.82, 0.23, 0.19);
  fill(cr, radial_gradient({0.47, 0.76, 0.02}, {0.5, 0.82, 0.24},
                           {{0, coat.belly}, {0.6, coat.belly, 0.7}, {1, coat.belly, 0}}));
  for (const double x : {0.26, 0.74}) {
    ellipse(cr, x, 0.94, 0.13, 0.06);
    fill(cr, round_light(x, 0.94, 0.12, coat.muzzle, coat.deep, blend(coat.deep, kGloom, 0.5)));
  }
  // The head's shadow on the chest.
  ellipse(cr, 0.5, 0.62, 0.26, 0.09);
  fill(cr, radial_gradient({0.5, 0.6, 0.02}, {0.5, 0.6, 0.26}, {{0, kGloom, 0.45}, {1, kGloom, 0}}));
  draw_front_head(cr, 0.5, 0.335, 0.285, coat);
}

}  // namespace

void draw_capybara(cairo_t* cr, Pose pose, Rgb fur) {
  const Coat coat(fur);
  switch (pose) {
    case Pose::side:
      draw_side(cr, coat);
      break;
    case Pose::sitting:
      draw_sitting(cr, coat);
      break;
    case Pose::head:
      draw_front_head(cr, 0.5, 0.54, 0.44, coat);
      break;
  }
}

}  // namespace sd35
