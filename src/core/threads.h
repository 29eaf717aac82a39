// The threads of one process: how many, and loops over them. oneDNN and LibTorch share the same OpenMP
// threads.
#pragma once

#include <cstdint>
#include <functional>

namespace sd35 {

// The largest ThreadCount: far more than any machine has cores, and few enough that they
// still take turns in reasonable time.
constexpr int kMostThreads = 1024;

// Cores this process may use (core/cores.h): one thread per core within the affinity mask and the cgroup's
// quota.
int available_cores();

// While it lives, loops that the calling thread begins have `count` threads, 0: one per core. Other threads
// have counts of their own.
class ThreadCount {
 public:
  // Throws ArgumentError when `count` is negative or above kMostThreads, or when the system cannot start that
  // many (limits of processes and of memory). The default of one per core is lowered to what the system can
  // start.
  explicit ThreadCount(int count);
  ~ThreadCount();
  ThreadCount(const ThreadCount&) = delete;
  ThreadCount& operator=(const ThreadCount&) = delete;

 private:
  int outer_;
};

// The threads of `asked` (0: the default) that OpenMP grants: no more than OMP_THREAD_LIMIT.
int granted_threads(int asked);
// Whether the system can start `count` threads, the calling one included. OpenMP ends the process when it
// cannot start one.
bool can_start(int count);
// Threads that a loop begun now on the calling thread has, without a ThreadCount one per core: 1 inside an
// OpenMP region and under SerialLoops.
int thread_count();

// Calls body(begin, end) on disjoint ranges that cover [0, count), one range per thread; ranges hold at least
// `grain` items. What the body makes of tensors comes from the calling thread's pool. An exception in any of
// them is rethrown here.
void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& body);

// While it lives, parallel_for runs on the calling thread alone: for one of several threads that each have
// whole pieces of work.
class SerialLoops {
 public:
  SerialLoops();
  ~SerialLoops();
  SerialLoops(const SerialLoops&) = delete;
  SerialLoops& operator=(const SerialLoops&) = delete;

 private:
  bool outer_;
};

// While it lives, libraries that divide their work for omp_get_max_threads() see `count` on the calling
// thread and get that many, whatever OMP_DYNAMIC says: oneDNN leaves parts of a result unwritten when a
// region has fewer threads than its work was divided for. Afterwards the caller's own settings hold again.
class OpenMpThreads {
 public:
  explicit OpenMpThreads(int count = thread_count());
  ~OpenMpThreads();
  OpenMpThreads(const OpenMpThreads&) = delete;
  OpenMpThreads& operator=(const OpenMpThreads&) = delete;

 private:
  int outer_count_, outer_dynamic_;
};

}  // namespace sd35
