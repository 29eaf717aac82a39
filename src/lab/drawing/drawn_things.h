// The things for which Unicode has no emoji, drawn in a box of 1 x 1.
#pragma once

#include <string_view>

#include "lab/drawing/canvas.h"

namespace sd35 {

// Views of the capybara.
enum class Pose : std::uint8_t {
  side,     // whole, walking to the left: as a thing among things
  sitting,  // whole, from the front: to hold something
  head      // from the front: to wear something
};

void draw_capybara(cairo_t* cr, Pose pose, Rgb fur);

// mug, table, lamp, lighthouse, flag, vase, ball. Throws ArgumentError for another name.
void draw_object(cairo_t* cr, std::string_view name, Rgb colour);

}  // namespace sd35
