// The surfaces of hybrids.
#pragma once

#include <string_view>

#include "lab/drawing/canvas.h"

namespace sd35 {

// An opaque square of 256 x 256, by name (lab/scenes/things.h, texture_names). Throws ArgumentError for
// another name.
Surface draw_texture(std::string_view name);

}  // namespace sd35
