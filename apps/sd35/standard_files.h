// Standard input, output and error.
#pragma once

namespace sd35::cli {

// Opens /dev/null for each of descriptors 0, 1 and 2 that is closed, so that no file of ours gets its number
// and, with it, what is said to standard output or standard error. Opened the wrong way round: output that is
// asked for still cannot be written, which is an error. Before any file is opened. False where /dev/null
// cannot be opened.
bool hold_standard_descriptors();

}  // namespace sd35::cli
