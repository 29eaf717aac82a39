#include "lab/drawing/shapes.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <numbers>
#include <string>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr double kPi = std::numbers::pi;

// Corners on an ellipse in the box, the first on top; every other one at `inner` of the radius.
void corners(cairo_t* cr, const Box& box, int count, double inner, double turn) {
  for (int i = 0; i < count; ++i) {
    const double angle = -kPi / 2 + turn + 2 * kPi * i / count;
    const double radius = i % 2 == 0 ? 1 : inner;
    cairo_line_to(cr, box.centre_x() + radius * box.width / 2 * std::cos(angle),
                  box.centre_y() + radius * box.height / 2 * std::sin(angle));
  }
  cairo_close_path(cr);
}

// In coordinates of the box, 0 to 1.
void polygon(cairo_t* cr, const Box& box, std::initializer_list<std::pair<double, double>> points) {
  for (const auto& [x, y] : points) cairo_line_to(cr, box.x + x * box.width, box.y + y * box.height);
  cairo_close_path(cr);
}

void heart(cairo_t* cr, const Box& box) {
  const auto x = [&](double t) { return box.x + t * box.width; };
  const auto y = [&](double t) { return box.y + t * box.height; };
  cairo_move_to(cr, x(0.5), y(0.96));
  cairo_curve_to(cr, x(0.1), y(0.62), x(0.0), y(0.45), x(0.0), y(0.29));
  cairo_curve_to(cr, x(0.0), y(0.0), x(0.4), y(-0.03), x(0.5), y(0.24));
  cairo_curve_to(cr, x(0.6), y(-0.03), x(1.0), y(0.0), x(1.0), y(0.29));
  cairo_curve_to(cr, x(1.0), y(0.45), x(0.9), y(0.62), x(0.5), y(0.96));
  cairo_close_path(cr);
}

void crescent(cairo_t* cr, const Box& box) {
  const double x = box.centre_x() + 0.1 * box.width;
  const double y = box.centre_y();
  const double r = box.width / 2;
  cairo_new_sub_path(cr);
  cairo_arc(cr, x, y, r, 0.28 * kPi, 1.72 * kPi);
  // The inner edge goes back along a shifted circle through the same tips.
  const double tip_x = r * std::cos(0.28 * kPi);
  const double tip_y = r * std::sin(0.28 * kPi);
  const double shift = 0.42 * r;
  const double angle = std::atan2(tip_y, tip_x - shift);
  cairo_arc_negative(cr, x + shift, y, std::hypot(tip_x - shift, tip_y), -angle, angle);
  cairo_close_path(cr);
}

}  // namespace

void shape_path(cairo_t* cr, std::string_view name, const Box& box) {
  const double rx = box.width / 2;
  const double ry = box.height / 2;
  cairo_new_path(cr);
  if (name == "circle") return ellipse(cr, box.centre_x(), box.centre_y(), rx, ry);
  if (name == "oval") return ellipse(cr, box.centre_x(), box.centre_y(), rx, 0.6 * ry);
  if (name == "square") return polygon(cr, box, {{0.04, 0.04}, {0.96, 0.04}, {0.96, 0.96}, {0.04, 0.96}});
  if (name == "rectangle") return polygon(cr, box, {{0, 0.22}, {1, 0.22}, {1, 0.78}, {0, 0.78}});
  if (name == "triangle") return polygon(cr, box, {{0.5, 0.04}, {1, 0.94}, {0, 0.94}});
  if (name == "diamond") return polygon(cr, box, {{0.5, 0}, {0.88, 0.5}, {0.5, 1}, {0.12, 0.5}});
  if (name == "star") return corners(cr, box, 10, 0.42, 0);
  if (name == "hexagon") return corners(cr, box, 6, 1, kPi / 6);
  if (name == "pentagon") return corners(cr, box, 5, 1, 0);
  if (name == "heart") return heart(cr, box);
  if (name == "crescent") return crescent(cr, box);
  if (name == "cross") {
    return polygon(cr, box,
                   {{0.33, 0},
                    {0.67, 0},
                    {0.67, 0.33},
                    {1, 0.33},
                    {1, 0.67},
                    {0.67, 0.67},
                    {0.67, 1},
                    {0.33, 1},
                    {0.33, 0.67},
                    {0, 0.67},
                    {0, 0.33},
                    {0.33, 0.33}});
  }
  if (name == "arrow")
    return polygon(cr, box,
                   {{0, 0.36}, {0.52, 0.36}, {0.52, 0.1}, {1, 0.5}, {0.52, 0.9}, {0.52, 0.64}, {0, 0.64}});
  if (name == "ring") {
    ellipse(cr, box.centre_x(), box.centre_y(), rx, ry);
    return ellipse(cr, box.centre_x(), box.centre_y(), 0.55 * rx, 0.55 * ry);
  }
  throw ArgumentError("no shape is named '" + std::string(name) + "'");
}

ShapeFoot shape_foot(std::string_view name, const Box& box) {
  struct Measure {
    std::string_view name;
    double half_width = 0.3;  // parts of the box
    double below_middle = 0.5;
  };
  constexpr Measure kMeasures[] = {{"oval", 0.36, 0.3},     {"rectangle", 0.5, 0.28},  {"square", 0.46, 0.46},
                                   {"triangle", 0.5, 0.44}, {"diamond", 0.2, 0.5},     {"star", 0.34, 0.405},
                                   {"hexagon", 0.3, 0.433}, {"pentagon", 0.34, 0.405}, {"heart", 0.22, 0.46},
                                   {"cross", 0.22, 0.5},    {"arrow", 0.3, 0.4}};
  const auto* found = std::ranges::find(kMeasures, name, &Measure::name);
  const Measure measure = found == std::end(kMeasures) ? Measure{} : *found;
  const double half = measure.half_width * box.width;
  return {box.centre_x() - half, box.centre_x() + half, box.centre_y() + measure.below_middle * box.height};
}

void draw_shape(cairo_t* cr, std::string_view name, const Box& box, Rgb colour) {
  cairo_save(cr);
  cairo_set_fill_rule(cr, CAIRO_FILL_RULE_EVEN_ODD);
  cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
  shape_path(cr, name, box);
  fill_keep(cr, linear_gradient(box.x, box.y, box.x + 0.4 * box.width, box.bottom(),
                                {{0, blend(colour, {255, 255, 255}, 0.16)},
                                 {0.45, colour},
                                 {1, blend(colour, {38, 30, 66}, 0.1)}}));
  stroke(cr, blend(colour, {38, 30, 66}, 0.22), 0.02 * box.width);
  cairo_restore(cr);
}

}  // namespace sd35
