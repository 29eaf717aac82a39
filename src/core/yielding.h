// Threads that wait, on a machine that has other work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <thread>

namespace sd35 {

// Nanoseconds for which threads of a process, all but `except`, were ready and had no core, so far: the sum
// over the folders in `tasks`. 0 where the system does not count it.
std::uint64_t nanoseconds_without_core(const std::filesystem::path& tasks, const std::string& except = "");

// Whether cores are contended, from samples of how much of the time threads had none.
class Contention {
 public:
  // `share`: nanoseconds_without_core() of a period, as a fraction of it. Becomes true at once when that is
  // more than a little, and false after a while of little.
  bool after(double share);

 private:
  static constexpr double kLittle = 0.05;
  static constexpr int kWhile = 25;  // samples
  int calm_ = kWhile;                // samples since there was more
};

// While it lives, OpenMP threads that wait for their next loop leave their cores to others that need them.
//
// GNU's OpenMP has a waiting thread spin for some milliseconds before it sleeps. That is fastest on an idle
// machine. On a busy one the spinning threads take the cores needed by the threads they wait for, and a
// picture takes ten times as long. It spins only for a moment while it manages more threads than there are
// CPUs (its manual, on GOMP_SPINCOUNT), so while cores are contended some extra threads are kept asleep. A
// wait policy that the user chose (GOMP_SPINCOUNT, OMP_WAIT_POLICY) stays as it is.
class YieldWhenBusy {
 public:
  YieldWhenBusy();

 private:
  std::jthread watcher_;
};

// More OpenMP threads than there are CPUs, asleep.
class SleepingTeam {
 public:
  SleepingTeam();

  // Threads of the team.
  static int size();

 private:
  std::jthread first_;
};

}  // namespace sd35
