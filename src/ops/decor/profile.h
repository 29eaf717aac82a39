// Where the time goes: parts of the work, one inside another, and the operations within them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

namespace sd35 {

class Profile {
 public:
  using Clock = std::chrono::steady_clock;

  // What follows until the matching end() is part `name`. Names are plain ASCII without quotes.
  void begin(std::string name);
  void end();
  // An operation from `start` until now on operands of `shapes`; `flops` 0 where it is not a matrix product.
  void operation(std::string_view verb, std::string shapes, Clock::time_point start, double flops);

  // For a person: the outermost parts, then each operation with its calls, seconds, share of the whole,
  // GFLOP/s and share of `ceiling_gflops`; those below a thousandth of the whole together in one line.
  std::string table(double ceiling_gflops) const;
  // Chrome's trace event format, JSON: chrome://tracing and ui.perfetto.dev show it.
  std::string trace() const;

 private:
  struct Event {
    std::string name, shapes;  // shapes empty: a part of the work
    double start, seconds;     // since the first event
    double flops;
    int depth;
  };
  double since_start(Clock::time_point time) const;
  double whole() const;

  Clock::time_point start_ = Clock::now();
  std::vector<Event> events_;
  std::vector<std::size_t> open_;  // parts that have not ended
};

}  // namespace sd35
