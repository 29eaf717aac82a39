// Signs, banners, cards and shirts with words on them. Lengths in units (the picture's shorter side).
#pragma once

#include "lab/drawing/lettering.h"
#include "lab/scenes/scene.h"

namespace sd35 {

// A sign as large as its text needs, around (0, 0).
struct SignLayout {
  Box body;        // everything drawn, except a post and its shadow
  Box text_area;   // the text may fill this
  Box ink;         // the lines' room in it
  TextBlock text;  // in pixels
};

class SignPainter {
 public:
  // `pixels_per_unit`: the picture's shorter side in pixels.
  SignPainter(Lettering& lettering, double pixels_per_unit) : lettering_(lettering), unit_(pixels_per_unit) {}

  // The largest text that lets the sign stay within `width` x `height`; `fullness` in (0, 1] makes it
  // smaller.
  SignLayout layout(const Sign& sign, double width, double height, double fullness) const;

  // With its middle at (x, y). `ground`: where the post of a wooden sign ends. Returns its letters, with
  // upright boxes around them in pixels of the picture.
  std::vector<Letter> draw(cairo_t* cr, const Sign& sign, const SignLayout& layout, double x, double y,
                           double angle, double ground) const;

 private:
  Lettering& lettering_;
  double unit_;
};

}  // namespace sd35
