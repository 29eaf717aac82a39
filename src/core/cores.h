// How many threads this process can keep busy.
#pragma once

#include <vector>

#include "core/system_folders.h"

namespace sd35 {

// CPU numbers of the calling thread's affinity mask (taskset, cpusets), ascending; empty when unknown.
std::vector<int> affinity_mask();

// Physical cores among the CPUs `mask`: hyper-threads of one core count once. A CPU whose siblings the system
// does not report counts as a core.
int physical_cores(const std::vector<int>& mask, const SystemFolders& system = {});

// CPUs that the quotas of the process's cgroup and of those above it allow: the smallest, which may be a
// fraction; infinity without one. Reads cpu.max (cgroup version 2) and cpu.cfs_quota_us (version 1).
double cgroup_cpus(const SystemFolders& system = {});

// The default number of threads: cores in `mask`, no more than the quota rounded up, at least 1.
int usable_cores(const std::vector<int>& mask, const SystemFolders& system = {});

}  // namespace sd35
