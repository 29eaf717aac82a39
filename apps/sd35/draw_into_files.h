// Saves the pictures of a run.
#pragma once

#include "output_names.h"
#include "reporter.h"
#include "sd35/sd35.h"

namespace sd35::cli {

// Draws what `options` say and saves each picture as soon as it is decoded. After one that cannot be saved no
// other is begun, but those that are already denoised are still tried. Where the run ends early, what is
// thrown says how many pictures are saved and which are lost: Interrupted, NumericError, FileError.
void draw_into_files(const Pipeline& pipeline, const GenerateOptions& options, const Callbacks& callbacks,
                     const OutputNames& names, Reporter& reporter);

}  // namespace sd35::cli
