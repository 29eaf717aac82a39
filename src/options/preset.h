// Names for what several options are together.
#pragma once

#include <string_view>

#include "sd35/sd35.h"

namespace sd35 {

// Throws ArgumentError naming those that there are.
void check_preset(std::string_view name);

// Sets what GenerateOptions::preset stands for where it is unset; the preset is then empty. Throws as
// check_preset().
GenerateOptions with_preset(GenerateOptions options);

}  // namespace sd35
