// Cairo's objects with owners, and the geometry of this folder. One unit is the shorter side of the picture.
#pragma once

#include <cairo.h>
#include <glib-object.h>

#include <initializer_list>
#include <memory>

#include "image/image.h"
#include "lab/scenes/colours.h"

namespace sd35 {

struct CairoDeleter {
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* context) const { cairo_destroy(context); }
  void operator()(cairo_pattern_t* pattern) const { cairo_pattern_destroy(pattern); }
};
// Of Pango's objects.
struct ObjectUnref {
  void operator()(void* object) const { g_object_unref(object); }
};
using Surface = std::unique_ptr<cairo_surface_t, CairoDeleter>;
using Context = std::unique_ptr<cairo_t, CairoDeleter>;
using Pattern = std::unique_ptr<cairo_pattern_t, CairoDeleter>;

// Premultiplied ARGB, all transparent. Throws ArgumentError when Cairo cannot make it.
Surface make_surface(int width, int height);
Context make_context(const Surface& surface);

// Of an opaque surface.
Image image_of(const Surface& surface);

struct Box {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;

  double centre_x() const { return x + width / 2; }
  double centre_y() const { return y + height / 2; }
  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

// A square box around a point.
inline Box box_around(double x, double y, double side) { return {x - side / 2, y - side / 2, side, side}; }

// Lighter (amount > 0, to white at 1) or darker (amount < 0, to black at -1).
Rgb shade(Rgb colour, double amount);

void set_colour(cairo_t* cr, Rgb colour, double alpha = 1);
void fill(cairo_t* cr, Rgb colour);
void fill_keep(cairo_t* cr, Rgb colour);
void stroke(cairo_t* cr, Rgb colour, double line_width);

// `a`, or at 1 `b`.
Rgb blend(Rgb a, Rgb b, double amount);

struct GradientStop {
  double at = 0;  // 0 to 1
  Rgb colour;
  double alpha = 1;
};
struct Circle {
  double x = 0;
  double y = 0;
  double radius = 0;
};
// From the first point or circle to the second.
Pattern linear_gradient(double x0, double y0, double x1, double y1,
                        std::initializer_list<GradientStop> stops);
Pattern radial_gradient(const Circle& from, const Circle& to, std::initializer_list<GradientStop> stops);
void fill(cairo_t* cr, const Pattern& pattern);
void fill_keep(cairo_t* cr, const Pattern& pattern);

// Paths.
void ellipse(cairo_t* cr, double x, double y, double radius_x, double radius_y, double angle = 0);
void rounded_rectangle(cairo_t* cr, const Box& box, double radius);

}  // namespace sd35
