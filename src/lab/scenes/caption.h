// Scenes in words.
#pragma once

#include <string>

#include "lab/scenes/scene.h"
#include "lab/scenes/scene_random.h"

namespace sd35 {

// One of many wordings, from tags to a sentence. It names every item, colour, size, count and word of the
// scene and a background that has a name, and nothing else that a picture could show; the colours of a sign
// are left out more often than not.
std::string roll_caption(const Scene& scene, SceneRandom& random);

}  // namespace sd35
