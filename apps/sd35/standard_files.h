// Standard input, output and error.
#pragma once

namespace sd35::cli {

// Opens /dev/null for each of descriptors 0, 1 and 2 that is closed, so that no file of ours gets its number
// and, with it, what is written to standard output or standard error. They are opened for the wrong
// direction, so output that was asked for still fails with an error. Call it before any file is opened. False
// where /dev/null cannot be opened.
bool hold_standard_descriptors();

}  // namespace sd35::cli
