// Ctrl-C and the polite kill: the first asks the work in progress to stop, the second ends the process at
// once.
#pragma once

namespace sd35::cli {

void catch_interrupts();
bool interrupted();

}  // namespace sd35::cli
