// Velocities predicted from those of earlier steps, in place of forwards: along the path of a picture they
// change slowly. What TaylorSeer (arXiv 2503.06923) does to the features of every block is done here to the
// result alone, so that nothing is kept but a few velocities, and any engine and any form of guidance may be
// below.
#pragma once

#include <deque>
#include <span>
#include <vector>

namespace sd35 {

class Forecast {
 public:
  // Of the steps from `first_step` to the last of `steps`, every `interval`-th is computed, and so are the
  // first three and the last: there velocities change most. An interval of 1 computes all.
  Forecast(int interval, int first_step, int steps)
      : interval_(interval), first_step_(first_step), steps_(steps) {}

  bool computes(int step) const;
  // The velocity at `sigma`, as it was computed.
  void add(float sigma, std::span<const float> velocity);
  // That of the line through the last two, or the only one. Throws Error before one was added.
  std::vector<float> at(float sigma) const;

 private:
  struct Known {
    float sigma;
    std::vector<float> velocity;
  };

  int interval_, first_step_, steps_;
  std::deque<Known> known_;  // the newest last
};

}  // namespace sd35
