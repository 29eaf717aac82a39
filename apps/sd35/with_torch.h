// LibTorch takes a third of a second to load, as long as a small picture: what needs it, the trainer and the
// engine "torch", is in a program of its own, sd35-torch, which does everything that sd35 does.
#pragma once

#include <string>
#include <vector>

namespace sd35::cli {

// Whether these arguments of the program ask for the trainer, or for an engine or device that only sd35-torch
// may know: it reports it if it does not.
bool want_torch(const std::vector<std::string>& arguments);

// Becomes sd35-torch, with this process's arguments, where it lies beside this program; else returns. In
// sd35-torch it does nothing.
void continue_with_torch();

}  // namespace sd35::cli
