// Soft shadows, drawn before the things that cast them.
#pragma once

#include "lab/drawing/canvas.h"
#include "lab/drawing/sprite.h"

namespace sd35 {

// On the ground below a thing whose sprite is drawn in `place`.
void draw_contact_shadow(cairo_t* cr, const Sprite& sprite, const Box& place, bool mirrored);
// The same where the thing touches the ground from `left` to `right`, at the height `y`.
void draw_contact_shadow(cairo_t* cr, double left, double right, double y);

// Behind a board that fills `box`: `reach` to all sides, a little lower than the board.
void draw_board_shadow(cairo_t* cr, const Box& box, double reach);

}  // namespace sd35
