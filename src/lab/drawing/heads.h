// Where faces wear things.
#pragma once

#include <string_view>

#include "lab/drawing/sprite_style.h"

namespace sd35 {

// As parts of the sprite's width and height.
struct Head {
  std::string_view name;
  double top = 0.15;  // where the brim of a hat sits
  double hat_width = 0.5;
  double eyes = 0.42;  // from the top
  double glasses_width = 0.6;
};

// The usual values, for things that were not measured.
Head head_of(SpriteStyle style, std::string_view name);

}  // namespace sd35
