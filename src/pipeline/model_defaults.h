// What a model chooses if the person does not.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/location.h"
#include "mmdit/config.h"
#include "sd35/sd35.h"
#include "vae/config.h"

namespace sd35 {

// `defaults` of a model's sd35.json, as in {"width": 256, "height": 256, "steps": 20, "guidance_scale": 4.5,
// "sampler": "dpm++2m"}: how to draw with it best (the options with Option::model_key). The others, and what
// the model does not say, are unset. Throws FileError that begins with `location` for a key it does not know,
// and for values that are impossible for this model.
GenerateOptions defaults_from_json(const nlohmann::json& extras, const MmditConfig& transformer,
                                   const VaeConfig& vae, const Location& location);

// The options with values for those that leave the choice to the model: its defaults, else the size it was
// configured for and what Stable Diffusion 3.5 Medium is drawn with; what depends on the others (a shift by
// size, the steps that CFG-Zero* leaves out) follows from them. `t5_max_length`: as PromptEncoder
// returns it.
GenerateOptions with_model_defaults(GenerateOptions options, const GenerateOptions& defaults,
                                    const MmditConfig& transformer, const VaeConfig& vae,
                                    std::int64_t t5_max_length);

}  // namespace sd35
