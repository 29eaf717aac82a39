// The threads of one process: how many, and loops over them. oneDNN shares the same OpenMP threads.
#pragma once

#include <cstdint>
#include <functional>

namespace sd35 {

// Cores this process may use (core/cores.h): one thread a core within the affinity mask and the cgroup's
// quota.
int available_cores();

// Threads of every later parallel loop; 0 restores available_cores(). Throws ArgumentError when negative.
void set_thread_count(int count);
int thread_count();

// Calls body(begin, end) on disjoint ranges that cover [0, count), one range a thread; ranges hold at least
// `grain` items. An exception in any of them is rethrown here.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& body);

// While it lives, parallel_for runs on the calling thread alone: for one of several threads that have whole
// pieces of work each.
class SerialLoops {
 public:
  SerialLoops();
  ~SerialLoops();
  SerialLoops(const SerialLoops&) = delete;
  SerialLoops& operator=(const SerialLoops&) = delete;

 private:
  bool outer_;
};

}  // namespace sd35
