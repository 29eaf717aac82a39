#include <numbers>
#include <string>

#include "core/error.h"
#include "scenes/drawing/drawn_things.h"

namespace sd35 {
namespace {

void polygon(cairo_t* cr, std::initializer_list<std::pair<double, double>> points) {
  cairo_new_sub_path(cr);
  for (const auto& [x, y] : points) cairo_line_to(cr, x, y);
  cairo_close_path(cr);
}

void draw_mug(cairo_t* cr, Rgb colour) {
  cairo_new_sub_path(cr);
  cairo_arc(cr, 0.72, 0.52, 0.17, -std::numbers::pi / 2, std::numbers::pi / 2);
  stroke(cr, shade(colour, -0.2), 0.08);
  rounded_rectangle(cr, {0.12, 0.2, 0.6, 0.7}, 0.1);
  fill(cr, colour);
  rounded_rectangle(cr, {0.18, 0.28, 0.08, 0.5}, 0.04);
  fill(cr, shade(colour, 0.35));
  ellipse(cr, 0.42, 0.22, 0.3, 0.09);
  fill_keep(cr, {88, 52, 30});
  stroke(cr, shade(colour, -0.2), 0.03);
}

void draw_table(cairo_t* cr, Rgb colour) {
  for (const double x : {0.1, 0.82}) {
    rounded_rectangle(cr, {x, 0.3, 0.08, 0.6}, 0.02);
    fill(cr, shade(colour, -0.3));
  }
  rounded_rectangle(cr, {0.14, 0.36, 0.72, 0.09}, 0.02);
  fill(cr, shade(colour, -0.15));
  rounded_rectangle(cr, {0.02, 0.24, 0.96, 0.13}, 0.04);
  fill(cr, colour);
}

void draw_lamp(cairo_t* cr, Rgb colour) {
  rounded_rectangle(cr, {0.47, 0.45, 0.06, 0.45}, 0.02);
  fill(cr, {110, 110, 116});
  rounded_rectangle(cr, {0.3, 0.88, 0.4, 0.08}, 0.04);
  fill(cr, {110, 110, 116});
  polygon(cr, {{0.36, 0.06}, {0.64, 0.06}, {0.84, 0.5}, {0.16, 0.5}});
  fill(cr, colour);
  polygon(cr, {{0.4, 0.06}, {0.47, 0.06}, {0.42, 0.5}, {0.28, 0.5}});
  fill(cr, shade(colour, 0.35));
}

void draw_lighthouse(cairo_t* cr, Rgb colour) {
  polygon(cr, {{0.38, 0.3}, {0.62, 0.3}, {0.72, 0.98}, {0.28, 0.98}});
  fill_keep(cr, {250, 250, 250});
  cairo_save(cr);
  cairo_clip(cr);
  for (const double y : {0.38, 0.62, 0.86}) {
    cairo_rectangle(cr, 0, y, 1, 0.12);
    fill(cr, colour);
  }
  cairo_restore(cr);
  cairo_rectangle(cr, 0.33, 0.27, 0.34, 0.05);
  fill(cr, {60, 60, 66});
  cairo_rectangle(cr, 0.4, 0.14, 0.2, 0.13);
  fill(cr, {255, 226, 90});
  polygon(cr, {{0.36, 0.15}, {0.64, 0.15}, {0.5, 0.02}});
  fill(cr, colour);
}

void draw_flag(cairo_t* cr, Rgb colour) {
  rounded_rectangle(cr, {0.12, 0.04, 0.06, 0.94}, 0.03);
  fill(cr, {132, 100, 70});
  cairo_move_to(cr, 0.18, 0.08);
  cairo_curve_to(cr, 0.4, 0.0, 0.6, 0.18, 0.92, 0.08);
  cairo_line_to(cr, 0.92, 0.52);
  cairo_curve_to(cr, 0.6, 0.62, 0.4, 0.44, 0.18, 0.52);
  cairo_close_path(cr);
  fill(cr, colour);
}

void draw_vase(cairo_t* cr, Rgb colour) {
  cairo_move_to(cr, 0.36, 0.06);
  cairo_line_to(cr, 0.64, 0.06);
  cairo_curve_to(cr, 0.58, 0.3, 0.86, 0.4, 0.84, 0.62);
  cairo_curve_to(cr, 0.82, 0.82, 0.68, 0.88, 0.64, 0.96);
  cairo_line_to(cr, 0.36, 0.96);
  cairo_curve_to(cr, 0.32, 0.88, 0.18, 0.82, 0.16, 0.62);
  cairo_curve_to(cr, 0.14, 0.4, 0.42, 0.3, 0.36, 0.06);
  fill(cr, colour);
  rounded_rectangle(cr, {0.31, 0.03, 0.38, 0.07}, 0.03);
  fill(cr, shade(colour, -0.25));
  ellipse(cr, 0.32, 0.58, 0.05, 0.16, 0.1);
  fill(cr, shade(colour, 0.4));
}

void draw_ball(cairo_t* cr, Rgb colour) {
  ellipse(cr, 0.5, 0.5, 0.48, 0.48);
  const Pattern light(cairo_pattern_create_radial(0.36, 0.32, 0.04, 0.5, 0.5, 0.5));
  const auto stop = [&](double at, Rgb c) {
    cairo_pattern_add_color_stop_rgb(light.get(), at, c.red / 255.0, c.green / 255.0, c.blue / 255.0);
  };
  stop(0, shade(colour, 0.6));
  stop(0.35, colour);
  stop(0.8, colour);
  stop(1, shade(colour, -0.35));
  cairo_set_source(cr, light.get());
  cairo_fill(cr);
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
