// What is behind a scene.
#pragma once

#include "lab/drawing/canvas.h"
#include "lab/scenes/scene.h"
#include "lab/scenes/scene_random.h"

namespace sd35 {

// Fills a picture of `width` x `height` units: a colour in soft light, or a place (beach, night, forest),
// with small differences drawn from `random`. Returns where its floor begins.
double draw_background(cairo_t* cr, const Background& background, double width, double height,
                       SceneRandom& random);

}  // namespace sd35
