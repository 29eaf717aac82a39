// What a data set says about a picture besides its caption.
#pragma once

#include <string>

#include "lab/drawing/scene_renderer.h"

namespace sd35 {

// scene_json() with `boxes`, where the things, the sign and its text are, and `letters`, where each letter of
// the text is: [x, y, width, height] in pixels, to a tenth. One line.
std::string sample_json(const Scene& scene, const Rendering& rendering);

}  // namespace sd35
