// The file that makes a folder a model of diffusers.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace sd35 {

// model_index.json: the classes of Stable Diffusion 3.5, whatever their size.
nlohmann::ordered_json model_index();

}  // namespace sd35
