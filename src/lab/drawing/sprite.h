// Pictures of single things, to be scaled into scenes; repainted in other colours and with other surfaces.
#pragma once

#include "lab/drawing/canvas.h"

namespace sd35 {

struct Sprite {
  Surface surface;  // trimmed to what is visible
  int width = 0;
  int height = 0;
  Rgb colour;         // the most frequent one
  double foot = 0.5;  // the middle of what touches the ground, and its width: fractions of the sprite's width
  double foot_width = 1;
};

// Cuts off the transparent margins. Throws ArgumentError when everything is transparent.
Sprite make_sprite(const Surface& picture);

// The same thing in another colour: the parts that have the sprite's commonest hue, or are grey like most of
// it, take `colour` and keep their light and shadow; eyes, wheels and leaves stay.
Sprite tinted(const Sprite& sprite, Rgb colour);

// The same silhouette, light and shadow, made of `texture`, which is stretched over it.
Sprite covered(const Sprite& sprite, const Surface& texture);

// Draws the sprite as large as `box` allows, centred in it, and returns where its visible part is before
// `angle` (radians) turns it around its middle.
Box draw_sprite(cairo_t* cr, const Sprite& sprite, const Box& box, bool mirrored = false, double angle = 0);

// The part of `box` that draw_sprite() would fill.
Box fitted(const Sprite& sprite, const Box& box);

// Where the sprite begins in its middle columns, as a fraction of its height: what another thing stands on.
double top_in_the_middle(const Sprite& sprite);

}  // namespace sd35
