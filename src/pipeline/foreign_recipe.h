// What other programs' pictures say of how they were made, as far as it has a meaning here. The texts are
// hostile input.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/location.h"
#include "sd35/sd35.h"

namespace sd35 {

// The text that AUTOMATIC1111's web UI and many others write (image/metadata.h). The recipe names no model;
// what was left out is in Recipe::left_out, shortened. Nothing where the text has no line of settings
// ("Steps: ...").
std::optional<Recipe> recipe_from_parameters(std::string_view text);

// The graph of nodes that ComfyUI writes, its API format: of the sampler (KSampler, KSamplerAdvanced) that
// begins from an empty latent, with what is upstream of it. Throws FileError naming `location` for JSON that
// is no such graph, and for one without these samplers.
Recipe recipe_from_comfy_graph(std::string_view json, const Location& location);

}  // namespace sd35
