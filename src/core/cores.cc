#include "core/cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <set>
#include <string>

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr double kAllCores = std::numeric_limits<double>::infinity();

double share(double quota, double period) { return quota > 0 && period > 0 ? quota / period : kAllCores; }

// "200000 100000" or "max 100000"
double quota_of_version_2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period ? share(quota, period) : kAllCores;
}

// Microseconds, -1 for no quota.
double quota_of_version_1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us"), period_file(group / "cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quota_file >> quota && period_file >> period ? share(quota, period) : kAllCores;
}

}  // namespace

std::vector<int> affinity_mask() {
  // A machine may have more CPUs than the usual mask holds; the system then refuses that mask.
  for (int most = CPU_SETSIZE; most <= 64 * CPU_SETSIZE; most *= 4) {
    cpu_set_t* mask = CPU_ALLOC(static_cast<std::size_t>(most));
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(most));
    std::vector<int> cpus;
    CPU_ZERO_S(bytes, mask);
    if (sched_getaffinity(0, bytes, mask) == 0)
      for (int cpu = 0; cpu < most; ++cpu)
        if (CPU_ISSET_S(static_cast<std::size_t>(cpu), bytes, mask)) cpus.push_back(cpu);
    CPU_FREE(mask);
    if (!cpus.empty()) return cpus;
  }
  return {};
}

int physical_cores(const std::vector<int>& mask, const SystemFolders& system) {
  std::set<std::string> cores;
  for (const int cpu : mask) {
    const std::string number = std::to_string(cpu);
    std::ifstream file(system.cpus / ("cpu" + number) / "topology" / "thread_siblings_list");
    std::string siblings;
    if (!std::getline(file, siblings) || siblings.empty()) siblings = number;
    cores.insert(siblings);
  }
  return static_cast<int>(cores.size());
}

double cgroup_cpus(const SystemFolders& system) {
  double smallest = kAllCores;
  for (const CgroupFolder& group : cgroup_folders(system, "cpu"))
    smallest = std::min(smallest,
                        group.version == 2 ? quota_of_version_2(group.path) : quota_of_version_1(group.path));
  return smallest;
}

int usable_cores(const std::vector<int>& mask, const SystemFolders& system) {
  const double cores = physical_cores(mask, system);
  return std::max(1, static_cast<int>(std::min(cores, std::ceil(cgroup_cpus(system)))));
}

}  // namespace sd35
