// What generate() refuses and what it warns of, before anything is loaded.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/location.h"
#include "mmdit/config.h"
#include "sd35/sd35.h"
#include "vae/config.h"

namespace sd35 {

// The options with the names that files and identities have for types. Throws ArgumentError for values that
// are impossible (options/check_values.h).
LoadOptions with_canonical_types(LoadOptions options);

// Tokens of T5 that Stable Diffusion 3.5 Medium was trained with.
inline constexpr int kTrainedSequence = 256;

// Throws ArgumentError that names the first option that is impossible, in itself or for this model, and what
// would work. The options are complete (with_model_defaults()), here and in warn_of_options().
void check_options(const GenerateOptions& options, const MmditConfig& transformer, const VaeConfig& vae);

// The sides of pictures that a model was trained for, in pixels.
struct TrainedSides {
  int smallest = 0, largest = 0;
};

// `sides` of the model's sd35.json, as in [96, 224]; where it says none, those of Stable Diffusion 3.5 Medium
// in proportion to the side it works best with. Throws FileError that begins with `location`.
TrainedSides trained_sides(const nlohmann::json& extras, const MmditConfig& transformer, const VaeConfig& vae,
                           const Location& location);

// Warns of options that work, but not as a person may expect.
void warn_of_options(const GenerateOptions& options, const TrainedSides& sides, const Callbacks& callbacks);

// Warns where the name of the model, of its transformer or of a LoRA says "turbo" or "8steps" and the options
// are not those of such a model. `recipe`: complete, with names for paths (with_names()).
void suggest_preset(const Recipe& recipe, const Callbacks& callbacks);

}  // namespace sd35
