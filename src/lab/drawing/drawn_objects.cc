#include <numbers>
#include <string>

#include "core/error.h"
#include "lab/drawing/drawn_things.h"

namespace sd35 {
namespace {

constexpr Rgb kShine{255, 255, 255};
constexpr Rgb kDim{48, 24, 72};  // what shadows tend to

void polygon(cairo_t* cr, std::initializer_list<std::pair<double, double>> points) {
  cairo_new_sub_path(cr);
  for (const auto& [x, y] : points) cairo_line_to(cr, x, y);
  cairo_close_path(cr);
}

// Shading across something round: lit from the left, violet on the right.
Pattern round_across(double left, double right, Rgb colour) {
  return linear_gradient(left, 0, right, 0,
                         {{0, blend(colour, kDim, 0.12)},
                          {0.28, blend(colour, kShine, 0.3)},
                          {0.55, colour},
                          {1, blend(colour, kDim, 0.34)}});
}

Pattern lit_from_above(double top, double bottom, Rgb colour) {
  return linear_gradient(0, top, 0, bottom,
                         {{0, blend(colour, kShine, 0.22)}, {0.5, colour}, {1, blend(colour, kDim, 0.26)}});
}

void draw_mug(cairo_t* cr, Rgb colour) {
  cairo_new_sub_path(cr);
  cairo_arc(cr, 0.72, 0.52, 0.17, -std::numbers::pi / 2, std::numbers::pi / 2);
  const Pattern handle = lit_from_above(0.3, 0.74, blend(colour, kDim, 0.1));
  cairo_set_source(cr, handle.get());
  cairo_set_line_width(cr, 0.085);
  cairo_stroke(cr);
  rounded_rectangle(cr, {0.12, 0.18, 0.62, 0.74}, 0.13);
  fill(cr, round_across(0.12, 0.74, colour));
  ellipse(cr, 0.43, 0.21, 0.31, 0.1);
  fill(cr, lit_from_above(0.1, 0.32, blend(colour, kShine, 0.16)));
  ellipse(cr, 0.43, 0.22, 0.26, 0.075);
  fill(cr, lit_from_above(0.14, 0.3, {104, 62, 38}));
}

void draw_table(cairo_t* cr, Rgb colour) {
  for (const double x : {0.1, 0.82}) {
    rounded_rectangle(cr, {x, 0.3, 0.09, 0.61}, 0.03);
    fill(cr, round_across(x, x + 0.09, shade(colour, -0.22)));
  }
  rounded_rectangle(cr, {0.14, 0.35, 0.72, 0.1}, 0.03);
  fill(cr,
       linear_gradient(0, 0.35, 0, 0.45, {{0, blend(colour, kDim, 0.42)}, {1, blend(colour, kDim, 0.16)}}));
  rounded_rectangle(cr, {0.02, 0.23, 0.96, 0.14}, 0.05);
  fill(cr, lit_from_above(0.23, 0.37, colour));
}

void draw_lamp(cairo_t* cr, Rgb colour) {
  rounded_rectangle(cr, {0.465, 0.45, 0.07, 0.46}, 0.03);
  fill(cr, round_across(0.465, 0.535, {128, 126, 138}));
  rounded_rectangle(cr, {0.29, 0.87, 0.42, 0.1}, 0.05);
  fill(cr, round_across(0.29, 0.71, {128, 126, 138}));
  polygon(cr, {{0.36, 0.06}, {0.64, 0.06}, {0.85, 0.49}, {0.15, 0.49}});
  fill(cr, round_across(0.15, 0.85, colour));
  ellipse(cr, 0.5, 0.49, 0.35, 0.045);
  fill(cr, blend(colour, kDim, 0.2));
  ellipse(cr, 0.5, 0.065, 0.14, 0.022);
  fill(cr, blend(colour, kShine, 0.25));
}

void draw_lighthouse(cairo_t* cr, Rgb colour) {
  polygon(cr, {{0.38, 0.3}, {0.62, 0.3}, {0.72, 0.98}, {0.28, 0.98}});
  fill_keep(cr, round_across(0.28, 0.72, {244, 242, 248}));
  cairo_save(cr);
  cairo_clip(cr);
  for (const double y : {0.37, 0.6, 0.83}) {
    cairo_rectangle(cr, 0, y, 1, 0.14);
    fill(cr, round_across(0.28, 0.72, colour));
  }
  cairo_restore(cr);
  rounded_rectangle(cr, {0.32, 0.265, 0.36, 0.055}, 0.02);
  fill(cr, round_across(0.32, 0.68, {82, 78, 96}));
  cairo_rectangle(cr, 0.4, 0.14, 0.2, 0.13);
  fill(cr, radial_gradient({0.5, 0.2, 0.01}, {0.5, 0.2, 0.14}, {{0, {255, 250, 206}}, {1, {252, 206, 70}}}));
  polygon(cr, {{0.35, 0.15}, {0.65, 0.15}, {0.5, 0.02}});
  fill(cr, round_across(0.35, 0.65, colour));
}

void draw_flag(cairo_t* cr, Rgb colour) {
  rounded_rectangle(cr, {0.12, 0.04, 0.065, 0.94}, 0.03);
  fill(cr, round_across(0.12, 0.185, {142, 106, 76}));
  cairo_move_to(cr, 0.18, 0.08);
  cairo_curve_to(cr, 0.4, 0.0, 0.6, 0.18, 0.92, 0.08);
  cairo_line_to(cr, 0.92, 0.52);
  cairo_curve_to(cr, 0.6, 0.62, 0.4, 0.44, 0.18, 0.52);
  cairo_close_path(cr);
  fill(cr, linear_gradient(0.18, 0, 0.92, 0,
                           {{0, blend(colour, kDim, 0.18)},
                            {0.28, blend(colour, kShine, 0.2)},
                            {0.6, blend(colour, kDim, 0.2)},
                            {0.85, colour},
                            {1, blend(colour, kShine, 0.1)}}));
}

void draw_vase(cairo_t* cr, Rgb colour) {
  cairo_move_to(cr, 0.36, 0.06);
  cairo_line_to(cr, 0.64, 0.06);
  cairo_curve_to(cr, 0.58, 0.3, 0.86, 0.4, 0.84, 0.62);
  cairo_curve_to(cr, 0.82, 0.82, 0.68, 0.88, 0.64, 0.96);
  cairo_line_to(cr, 0.36, 0.96);
  cairo_curve_to(cr, 0.32, 0.88, 0.18, 0.82, 0.16, 0.62);
  cairo_curve_to(cr, 0.14, 0.4, 0.42, 0.3, 0.36, 0.06);
  fill(cr,
       radial_gradient({0.37, 0.5, 0.02}, {0.5, 0.56, 0.48},
                       {{0, blend(colour, kShine, 0.42)}, {0.45, colour}, {1, blend(colour, kDim, 0.4)}}));
  rounded_rectangle(cr, {0.3, 0.025, 0.4, 0.08}, 0.04);
  fill(cr, round_across(0.3, 0.7, blend(colour, kDim, 0.08)));
}

void draw_ball(cairo_t* cr, Rgb colour) {
  ellipse(cr, 0.5, 0.5, 0.48, 0.48);
  fill(cr, radial_gradient({0.36, 0.3, 0.03}, {0.5, 0.5, 0.5},
                           {{0, blend(colour, kShine, 0.6)},
                            {0.35, blend(colour, kShine, 0.08)},
                            {0.7, colour},
                            {1, blend(colour, kDim, 0.4)}}));
}

}  // namespace

void draw_object(cairo_t* cr, std::string_view name, Rgb colour) {
  if (name == "mug") return draw_mug(cr, colour);
  if (name == "table") return draw_table(cr, colour);
  if (name == "lamp") return draw_lamp(cr, colour);
  if (name == "lighthouse") return draw_lighthouse(cr, colour);
  if (name == "flag") return draw_flag(cr, colour);
  if (name == "vase") return draw_vase(cr, colour);
  if (name == "ball") return draw_ball(cr, colour);
  throw ArgumentError("no drawing of '" + std::string(name) + "'");
}

}  // namespace sd35
