// The configuration of a component from the shapes of its tensors, where none or only part of it is given.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "weights/layouts/component.h"
#include "weights/source.h"

namespace sd35 {

// With the keys of the component's config.json in the diffusers layout. What shapes do not show (heads of
// CLIP: one per 64 of the width; groups of the VAE's norms, its scale and shift; activations) is what Stable
// Diffusion 3.5 has. Throws FileError naming the tensor that is missing or has no possible shape.
nlohmann::json derive_config(Component component, const WeightSource& weights);

struct FittedConfig {
  nlohmann::json json;
  bool said = false;  // it is what `said` was
  std::string doubt;  // what was derived in spite of `said`, and why; empty: nothing
};

// The configuration of `weights`, which take the place of those that `said` (from `said_by`) describes:
// `said` if the shapes match it, else derive_config().
FittedConfig fit_config(Component component, const WeightSource& weights, const nlohmann::json& said,
                        const std::string& said_by);

// {"shift": 3.0, ...}: what a single file, which has no scheduler, was trained for.
nlohmann::json default_scheduler_config();

}  // namespace sd35
