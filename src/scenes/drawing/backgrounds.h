// What is behind a scene.
#pragma once

#include "scenes/dice.h"
#include "scenes/drawing/canvas.h"
#include "scenes/scene.h"

namespace sd35 {

// Fills a picture of `width` x `height` units: a flat colour, or a place (beach, night, forest) with small
// differences drawn from `dice`.
void draw_background(cairo_t* cr, const Background& background, double width, double height, Dice& dice);

}  // namespace sd35
