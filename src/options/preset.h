// Names for what several options are together.
#pragma once

#include <functional>
#include <string_view>

#include "sd35/sd35.h"

namespace sd35 {

// Throws ArgumentError naming those that there are.
void check_preset(std::string_view name);

// Sets what GenerateOptions::preset stands for where it is unset; the preset is then empty. Throws as
// check_preset().
GenerateOptions with_preset(GenerateOptions options);

// Unsets what presets set, except options that are chosen by their name: of a recipe that a preset is to
// change.
void make_room_for_preset(GenerateOptions& options,
                          const std::function<bool(std::string_view name)>& is_chosen);

}  // namespace sd35
