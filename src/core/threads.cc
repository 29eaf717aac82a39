#include "core/threads.h"

#include <omp.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <string>
#include <utility>

#include "core/cores.h"
#include "core/error.h"

namespace sd35 {
namespace {

int chosen_threads = 0;
thread_local bool serial_loops = false;

}  // namespace

int available_cores() {
  static const int cores = usable_cores(affinity_mask());
  return cores;
}

void set_thread_count(int count) {
  if (count < 0) throw ArgumentError("threads must be 0 (one a core) or more, not " + std::to_string(count));
  chosen_threads = count;
  omp_set_num_threads(thread_count());
}

int thread_count() { return chosen_threads > 0 ? chosen_threads : available_cores(); }

void parallel_for(std::int64_t count, std::int64_t grain,
                  const std::function<void(std::int64_t begin, std::int64_t end)>& body) {
  if (count <= 0) return;
  const std::int64_t ranges =
      std::clamp<std::int64_t>(count / std::max<std::int64_t>(1, grain), 1, thread_count());
  if (ranges == 1 || serial_loops || omp_in_parallel() != 0) return body(0, count);
  std::exception_ptr failure;
  std::mutex mutex;
#pragma omp parallel for num_threads(static_cast <int>(ranges)) schedule(static, 1)
  for (std::int64_t r = 0; r < ranges; ++r) {
    try {
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

}  // namespace sd35
