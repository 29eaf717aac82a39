// Signals that reach the program while it works.
#pragma once

#include <string>
#include <utility>

#include "sd35/error.h"

namespace sd35::cli {

// Ctrl-C, the polite kill, a terminal that is closed and processor time that is used up ask the work in
// progress to stop; the second time it ends at once, removing its temporary files. SIGQUIT stays as it is,
// for a core of a program that hangs. A weight file that is cut short while it is mapped ends the program
// with a message of one line.
void handle_signals();
bool interrupted();

// An interruption of work whose results so far are kept; what() says which.
class Interrupted : public Cancelled {
 public:
  explicit Interrupted(std::string kept) : kept_(std::move(kept)) {}
  const char* what() const noexcept override { return kept_.c_str(); }

 private:
  std::string kept_;
};

}  // namespace sd35::cli
