// The pictures of assets/fluent-emoji, which the build puts into the program.
#pragma once

#include <optional>

#include "lab/drawing/canvas.h"

namespace sd35 {

// Nothing when the folder has no picture of the character.
std::optional<Surface> fluent_picture(char32_t character);

}  // namespace sd35
