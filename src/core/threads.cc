#include "core/threads.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <latch>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/buffer_pool.h"
#include "core/cores.h"
#include "core/error.h"

namespace sd35 {
namespace {

constexpr int kNotChosen = 0;

thread_local int chosen_threads = kNotChosen;
thread_local bool serial_loops = false;

// Whether a region that begins now runs on the calling thread alone.
bool regions_are_serial() {
  return omp_in_parallel() != 0 || omp_get_active_level() >= omp_get_max_active_levels();
}

// Threads that a region of `count` has. The threads of a region stay for the next one: what was granted at
// the start of the work is available until its end.
int threads_of_region(int count) {
  const OpenMpThreads exactly(count);
  int threads = 0;
#pragma omp parallel reduction(+ : threads)
  threads += 1;
  return threads;
}

// How many threads loops have if `count` are asked for (0: the default).
int started_threads(int count) {
  int threads = granted_threads(count);
  if (regions_are_serial()) return threads;
  if (count > 0 && !can_start(threads))
    throw ArgumentError("the system does not start " + std::to_string(threads) +
                            " threads (a limit of processes or of memory); ask for fewer",
                        "threads");
  while (!can_start(threads)) --threads;
  return threads_of_region(threads);
}

int checked(int count) {
  if (count < 0 || count > kMostThreads)
    throw ArgumentError("threads must be from 0 (one per core) to " + std::to_string(kMostThreads) +
                            ", not " + std::to_string(count),
                        "threads");
  return count;
}

int default_threads() {
  static const int threads = started_threads(0);
  return threads;
}

}  // namespace

int available_cores() {
  static const int cores = usable_cores(affinity_mask());
  return cores;
}

int granted_threads(int asked) {
  return std::min({asked > 0 ? asked : available_cores(), kMostThreads, omp_get_thread_limit()});
}

bool can_start(int count) {
  static std::atomic<int> started = 1;  // at the same time, so far
  if (count <= started) return true;
  std::latch all_started(1);
  bool enough = true;
  std::vector<std::jthread> threads;
  try {
    threads.reserve(static_cast<std::size_t>(count) - 1);
    for (int i = 1; i < count; ++i) threads.emplace_back([&] { all_started.wait(); });
  } catch (const std::system_error&) {
    enough = false;
  } catch (const std::bad_alloc&) {
    enough = false;
  }
  all_started.count_down();
  threads.clear();
  if (enough) started = count;
  return enough;
}

ThreadCount::ThreadCount(int count)
    : outer_(std::exchange(chosen_threads, checked(count) > 0 ? started_threads(count) : kNotChosen)) {}

ThreadCount::~ThreadCount() { chosen_threads = outer_; }

int thread_count() {
  if (serial_loops || regions_are_serial()) return 1;
  return chosen_threads == kNotChosen ? default_threads() : chosen_threads;
}

void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& body) {
  if (count <= 0) return;
  const int threads = thread_count();
  const std::int64_t ranges = std::clamp<std::int64_t>(count / std::max<std::int64_t>(1, grain), 1, threads);
  if (ranges == 1) return body(0, count);
  std::exception_ptr failure;
  std::mutex mutex;
  const std::shared_ptr<BufferPool> pool = PoolScope::current();
// All of them: GNU's OpenMP ends the threads that a region does not need, and starts others for the next one.
#pragma omp parallel for num_threads(threads) schedule(static, 1)
  for (std::int64_t r = 0; r < ranges; ++r) {
    try {
      const PoolScope same(pool);
      body(count * r / ranges, count * (r + 1) / ranges);
    } catch (...) {
      const std::lock_guard lock(mutex);
      failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

SerialLoops::SerialLoops() : outer_(std::exchange(serial_loops, true)) {}

SerialLoops::~SerialLoops() { serial_loops = outer_; }

OpenMpThreads::OpenMpThreads(int count)
    : outer_count_(omp_get_max_threads()), outer_dynamic_(omp_get_dynamic()) {
  omp_set_dynamic(0);
  omp_set_num_threads(count);
}

OpenMpThreads::~OpenMpThreads() {
  omp_set_num_threads(outer_count_);
  omp_set_dynamic(outer_dynamic_);
}

}  // namespace sd35
