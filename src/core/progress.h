// What a stage reports to the caller, and how the caller stops it.
#pragma once

#include <chrono>
#include <string>

#include "sd35/sd35.h"

namespace sd35 {

// One run of one stage. Every report may throw Cancelled.
class StageProgress {
 public:
  StageProgress(const Callbacks& callbacks, Stage stage, int picture = 0, int steps = 0, int pictures = 1);
  // Of Stage::load.
  StageProgress(const Callbacks& callbacks, std::string part);

  // `fraction` of the stage is done, and `step` of its steps.
  void report(double fraction, int step = 0) const;
  const Callbacks& callbacks() const { return callbacks_; }

 private:
  const Callbacks& callbacks_;
  Stage stage_;
  int picture_;
  int steps_;
  int pictures_ = 1;
  std::string part_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Sends a warning, made printable, if there is a receiver.
void warn(const Callbacks& callbacks, const std::string& message);

}  // namespace sd35
