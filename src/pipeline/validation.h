// What generate() refuses and what it warns of, before anything is loaded.
#pragma once

#include "mmdit/config.h"
#include "sd35/sd35.h"
#include "vae/config.h"

namespace sd35 {

// Throws ArgumentError naming the first option that is impossible for this model, and what would work.
void check_options(const GenerateOptions& options, const MmditConfig& transformer, const VaeConfig& vae);

// Warns of options that work, but not as a person may expect.
void warn_of_options(const GenerateOptions& options, const Callbacks& callbacks);

}  // namespace sd35
