#include "scenes/drawing/drawn_things.h"

namespace sd35 {
namespace {

constexpr Rgb kNearlyBlack{38, 26, 20};
constexpr Rgb kGlint{255, 255, 255};

// A round eye with a bright glint and a soft lid above it: capybaras are calm.
void draw_eye(cairo_t* cr, double x, double y, double radius, Rgb lid) {
  cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
  cairo_move_to(cr, x - 1.2 * radius, y - 0.75 * radius);
  cairo_curve_to(cr, x - 0.7 * radius, y - 1.5 * radius, x + 0.7 * radius, y - 1.5 * radius, x + 1.2 * radius,
                 y - 0.75 * radius);
  stroke(cr, lid, 0.5 * radius);
  ellipse(cr, x, y, radius, 1.1 * radius);
  fill(cr, kNearlyBlack);
  ellipse(cr, x - 0.3 * radius, y - 0.4 * radius, 0.38 * radius, 0.38 * radius);
  fill(cr, kGlint);
}

void draw_ear(cairo_t* cr, double x, double y, double radius, double angle, Rgb fur) {
  ellipse(cr, x, y, radius * 0.8, radius, angle);
  fill(cr, shade(fur, -0.28));
  ellipse(cr, x, y + 0.15 * radius, radius * 0.45, radius * 0.6, angle);
  fill(cr, shade(fur, -0.5));
}

void draw_legs(cairo_t* cr, std::initializer_list<double> places, Rgb colour) {
  for (const double x : places) {
    rounded_rectangle(cr, {x, 0.68, 0.105, 0.27}, 0.05);
    fill(cr, colour);
    rounded_rectangle(cr, {x - 0.025, 0.9, 0.135, 0.07}, 0.035);
    fill(cr, shade(colour, -0.35));
  }
}

void draw_side_head(cairo_t* cr, Rgb fur) {
  draw_ear(cr, 0.385, 0.15, 0.055, 0.25, fur);
  // A long box: flat forehead, blunt muzzle.
  cairo_move_to(cr, 0.50, 0.20);
  cairo_curve_to(cr, 0.42, 0.12, 0.30, 0.145, 0.22, 0.185);
  cairo_curve_to(cr, 0.14, 0.215, 0.09, 0.215, 0.055, 0.25);
  cairo_curve_to(cr, 0.005, 0.30, 0.01, 0.44, 0.05, 0.485);
  cairo_curve_to(cr, 0.09, 0.525, 0.20, 0.535, 0.30, 0.545);
  cairo_curve_to(cr, 0.40, 0.56, 0.50, 0.56, 0.55, 0.50);
  cairo_close_path(cr);
  fill(cr, fur);
  // The muzzle is darker.
  cairo_move_to(cr, 0.16, 0.205);
  cairo_curve_to(cr, 0.10, 0.22, 0.08, 0.225, 0.055, 0.25);
  cairo_curve_to(cr, 0.005, 0.30, 0.01, 0.44, 0.05, 0.485);
  cairo_curve_to(cr, 0.09, 0.515, 0.13, 0.525, 0.17, 0.53);
  cairo_curve_to(cr, 0.21, 0.44, 0.21, 0.30, 0.16, 0.205);
  fill(cr, shade(fur, -0.22));
  ellipse(cr, 0.06, 0.30, 0.022, 0.034, 0.3);
  fill(cr, kNearlyBlack);
  cairo_move_to(cr, 0.035, 0.42);
  cairo_curve_to(cr, 0.08, 0.455, 0.14, 0.445, 0.185, 0.405);
  cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
  stroke(cr, kNearlyBlack, 0.018);
  draw_ear(cr, 0.445, 0.155, 0.06, 0.35, fur);
  draw_eye(cr, 0.285, 0.265, 0.036, shade(fur, -0.3));
}

void draw_side(cairo_t* cr, Rgb fur) {
  draw_legs(cr, {0.52, 0.84}, shade(fur, -0.4));
  // A barrel without a tail.
  cairo_move_to(cr, 0.36, 0.36);
  cairo_curve_to(cr, 0.42, 0.18, 0.56, 0.20, 0.68, 0.20);
  cairo_curve_to(cr, 0.86, 0.20, 0.98, 0.32, 0.985, 0.52);
  cairo_curve_to(cr, 0.99, 0.72, 0.92, 0.80, 0.78, 0.815);
  cairo_curve_to(cr, 0.64, 0.83, 0.54, 0.83, 0.46, 0.79);
  cairo_curve_to(cr, 0.36, 0.74, 0.32, 0.56, 0.36, 0.36);
  fill_keep(cr, fur);
  cairo_save(cr);
  cairo_clip(cr);
  ellipse(cr, 0.66, 0.88, 0.34, 0.15);
  fill(cr, shade(fur, 0.18));
  cairo_restore(cr);
  draw_legs(cr, {0.43, 0.75}, shade(fur, -0.2));
  draw_side_head(cr, fur);
}

// From the front, as wide as 2 `w`, its middle at (x, y).
void draw_front_head(cairo_t* cr, double x, double y, double w, Rgb fur) {
  draw_ear(cr, x - 0.74 * w, y - 0.92 * w, 0.24 * w, -0.5, fur);
  draw_ear(cr, x + 0.74 * w, y - 0.92 * w, 0.24 * w, 0.5, fur);
  // Narrow on top, wide and blunt below.
  cairo_move_to(cr, x - 0.62 * w, y - 0.98 * w);
  cairo_curve_to(cr, x - 0.3 * w, y - 1.14 * w, x + 0.3 * w, y - 1.14 * w, x + 0.62 * w, y - 0.98 * w);
  cairo_curve_to(cr, x + 0.9 * w, y - 0.82 * w, x + 0.92 * w, y - 0.3 * w, x + 0.98 * w, y + 0.2 * w);
  cairo_curve_to(cr, x + 1.06 * w, y + 0.85 * w, x + 0.7 * w, y + 1.05 * w, x, y + 1.06 * w);
  cairo_curve_to(cr, x - 0.7 * w, y + 1.05 * w, x - 1.06 * w, y + 0.85 * w, x - 0.98 * w, y + 0.2 * w);
  cairo_curve_to(cr, x - 0.92 * w, y - 0.3 * w, x - 0.9 * w, y - 0.82 * w, x - 0.62 * w, y - 0.98 * w);
  fill(cr, fur);
  rounded_rectangle(cr, {x - 0.66 * w, y - 0.12 * w, 1.32 * w, 1.06 * w}, 0.42 * w);
  fill(cr, shade(fur, -0.22));
  ellipse(cr, x - 0.3 * w, y + 0.14 * w, 0.15 * w, 0.1 * w, 0.5);
  ellipse(cr, x + 0.3 * w, y + 0.14 * w, 0.15 * w, 0.1 * w, -0.5);
  fill(cr, kNearlyBlack);
  cairo_set_line_cap(cr, CAIRO_LINE_CAP_ROUND);
  cairo_move_to(cr, x, y + 0.3 * w);
  cairo_line_to(cr, x, y + 0.52 * w);
  cairo_move_to(cr, x - 0.34 * w, y + 0.56 * w);
  cairo_curve_to(cr, x - 0.28 * w, y + 0.72 * w, x - 0.06 * w, y + 0.72 * w, x, y + 0.52 * w);
  cairo_curve_to(cr, x + 0.06 * w, y + 0.72 * w, x + 0.28 * w, y + 0.72 * w, x + 0.34 * w, y + 0.56 * w);
  stroke(cr, kNearlyBlack, 0.07 * w);
  draw_eye(cr, x - 0.62 * w, y - 0.4 * w, 0.135 * w, shade(fur, -0.3));
  draw_eye(cr, x + 0.62 * w, y - 0.4 * w, 0.135 * w, shade(fur, -0.3));
}

void draw_sitting(cairo_t* cr, Rgb fur) {
  cairo_move_to(cr, 0.30, 0.40);
  cairo_curve_to(cr, 0.10, 0.52, 0.06, 0.98, 0.20, 1.0);
  cairo_line_to(cr, 0.80, 1.0);
  cairo_curve_to(cr, 0.94, 0.98, 0.90, 0.52, 0.70, 0.40);
  cairo_close_path(cr);
  fill(cr, shade(fur, -0.1));
  ellipse(cr, 0.5, 0.86, 0.22, 0.2);
  fill(cr, shade(fur, 0.18));
  for (const double x : {0.27, 0.73}) {
    ellipse(cr, x, 0.95, 0.12, 0.05);
    fill(cr, shade(fur, -0.4));
  }
  draw_front_head(cr, 0.5, 0.33, 0.27, fur);
}

}  // namespace

void draw_capybara(cairo_t* cr, Pose pose, Rgb fur) {
  switch (pose) {
    case Pose::side:
      draw_side(cr, fur);
      break;
    case Pose::sitting:
      draw_sitting(cr, fur);
      break;
    case Pose::head:
      draw_front_head(cr, 0.5, 0.53, 0.42, fur);
      break;
  }
}

}  // namespace sd35
