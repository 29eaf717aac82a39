#include "core/threads.h"

#include <omp.h>
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <fstream>
#include <mutex>
#include <set>
#include <string>

#include "core/error.h"

namespace sd35 {
namespace {

// One CPU number for each physical core in the affinity mask.
int cores_in_affinity_mask() {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  if (sched_getaffinity(0, sizeof(mask), &mask) != 0) return std::max(1, omp_get_num_procs());
  std::set<std::string> cores;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &mask)) continue;
    std::ifstream file("/sys/devices/system/cpu/cpu" + std::to_string(cpu) +
                       "/topology/thread_siblings_list");
    std::string siblings;
    if (!std::getline(file, siblings)) siblings = std::to_string(cpu);
    cores.insert(siblings);
  }
  return std::max<int>(1, static_cast<int>(cores.size()));
}

// CPUs the cgroup's quota pays for, or a large number without a quota (cgroup v2, then v1).
double cgroup_quota() {
  constexpr double unlimited = 1e9;
  std::string quota;
  double period = 0;
  if (std::ifstream file("/sys/fs/cgroup/cpu.max"); file >> quota >> period && quota != "max" && period > 0)
    return std::stod(quota) / period;
  double microseconds = 0;
  std::ifstream quota_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us");
  std::ifstream period_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us");
  if (quota_file >> microseconds && period_file >> period && microseconds > 0 && period > 0)
    return microseconds / period;
  return unlimited;
}

int chosen_threads = 0;

}  // namespace

int available_cores() {
  static const int cores = std::max(
      1, std::min(cores_in_affinity_mask(), static_cast<int>(std::min(1e6, std::ceil(cgroup_quota())))));
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
  if (ranges == 1 || omp_in_parallel() != 0) return body(0, count);
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

}  // namespace sd35
