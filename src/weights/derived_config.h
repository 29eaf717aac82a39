// The configuration of a component whose file brings none, from the shapes of its tensors.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "weights/component.h"
#include "weights/source.h"

namespace sd35 {

// With the keys of the component's config.json in the diffusers layout. What shapes do not show (heads of
// CLIP: one for 64 of the width; groups of the VAE's norms, its scale and shift; activations) is what Stable
// Diffusion 3.5 has. Throws FileError naming the tensor that is missing or has no possible shape.
nlohmann::json derive_config(Component component, const WeightSource& weights);

// {"shift": 3.0, ...}: what a single file, which brings no scheduler, was trained for.
nlohmann::json default_scheduler_config();

}  // namespace sd35
