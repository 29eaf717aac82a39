#include "lab/drawing/canvas.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <string>

#include "core/error.h"

namespace sd35 {

Surface make_surface(int width, int height) {
  Surface surface(cairo_image_surface_create(CAIRO_FORMAT_ARGB32, width, height));
  if (cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS)
    throw ArgumentError("Cairo cannot draw a picture of " + std::to_string(width) + " x " +
                        std::to_string(height) + ": " +
                        cairo_status_to_string(cairo_surface_status(surface.get())));
  return surface;
}

Context make_context(const Surface& surface) { return Context(cairo_create(surface.get())); }

Image image_of(const Surface& surface) {
  const int width = cairo_image_surface_get_width(surface.get());
  const int height = cairo_image_surface_get_height(surface.get());
  cairo_surface_flush(surface.get());
  const unsigned char* data = cairo_image_surface_get_data(surface.get());
  const int stride = cairo_image_surface_get_stride(surface.get());
  Image image{width, height,
              std::vector<std::uint8_t>(std::size_t{3} * static_cast<std::size_t>(width) *
                                        static_cast<std::size_t>(height))};
  std::uint8_t* out = image.rgb.data();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      std::uint32_t pixel = 0;
      std::memcpy(&pixel, data + static_cast<std::ptrdiff_t>(y) * stride + std::ptrdiff_t{4} * x, 4);
      *out++ = static_cast<std::uint8_t>(pixel >> 16);
      *out++ = static_cast<std::uint8_t>(pixel >> 8);
      *out++ = static_cast<std::uint8_t>(pixel);
    }
  }
  return image;
}

Rgb shade(Rgb colour, double amount) {
  const double target = amount > 0 ? 255 : 0;
  const auto mix = [&](std::uint8_t value) {
    return static_cast<std::uint8_t>(std::lround(value + (target - value) * std::min(std::abs(amount), 1.0)));
  };
  return {mix(colour.red), mix(colour.green), mix(colour.blue)};
}

void set_colour(cairo_t* cr, Rgb colour, double alpha) {
  cairo_set_source_rgba(cr, colour.red / 255.0, colour.green / 255.0, colour.blue / 255.0, alpha);
}

void fill(cairo_t* cr, Rgb colour) {
  set_colour(cr, colour);
  cairo_fill(cr);
}

void fill_keep(cairo_t* cr, Rgb colour) {
  set_colour(cr, colour);
  cairo_fill_preserve(cr);
}

void stroke(cairo_t* cr, Rgb colour, double line_width) {
  set_colour(cr, colour);
  cairo_set_line_width(cr, line_width);
  cairo_stroke(cr);
}

Rgb blend(Rgb a, Rgb b, double amount) {
  const auto mix = [amount](std::uint8_t x, std::uint8_t y) {
    return static_cast<std::uint8_t>(std::lround(x + (y - x) * amount));
  };
  return {mix(a.red, b.red), mix(a.green, b.green), mix(a.blue, b.blue)};
}

namespace {

Pattern with_stops(cairo_pattern_t* pattern, std::initializer_list<GradientStop> stops) {
  for (const auto& [at, colour, alpha] : stops)
    cairo_pattern_add_color_stop_rgba(pattern, at, colour.red / 255.0, colour.green / 255.0,
                                      colour.blue / 255.0, alpha);
  return Pattern(pattern);
}

}  // namespace

Pattern linear_gradient(double x0, double y0, double x1, double y1,
                        std::initializer_list<GradientStop> stops) {
  return with_stops(cairo_pattern_create_linear(x0, y0, x1, y1), stops);
}

Pattern radial_gradient(const Circle& from, const Circle& to, std::initializer_list<GradientStop> stops) {
  return with_stops(cairo_pattern_create_radial(from.x, from.y, from.radius, to.x, to.y, to.radius), stops);
}

void fill(cairo_t* cr, const Pattern& pattern) {
  cairo_set_source(cr, pattern.get());
  cairo_fill(cr);
}

void fill_keep(cairo_t* cr, const Pattern& pattern) {
  cairo_set_source(cr, pattern.get());
  cairo_fill_preserve(cr);
}

void ellipse(cairo_t* cr, double x, double y, double radius_x, double radius_y, double angle) {
  cairo_save(cr);
  cairo_translate(cr, x, y);
  cairo_rotate(cr, angle);
  cairo_scale(cr, radius_x, radius_y);
  cairo_new_sub_path(cr);
  cairo_arc(cr, 0, 0, 1, 0, 2 * std::numbers::pi);
  cairo_close_path(cr);
  cairo_restore(cr);
}

void rounded_rectangle(cairo_t* cr, const Box& box, double radius) {
  constexpr double kQuarter = std::numbers::pi / 2;
  const double r = std::min({radius, box.width / 2, box.height / 2});
  cairo_new_sub_path(cr);
  cairo_arc(cr, box.right() - r, box.y + r, r, -kQuarter, 0);
  cairo_arc(cr, box.right() - r, box.bottom() - r, r, 0, kQuarter);
  cairo_arc(cr, box.x + r, box.bottom() - r, r, kQuarter, 2 * kQuarter);
  cairo_arc(cr, box.x + r, box.y + r, r, 2 * kQuarter, 3 * kQuarter);
  cairo_close_path(cr);
}

}  // namespace sd35
