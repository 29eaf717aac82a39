// Where the system says what belongs to a process: its cores, its memory, its limits.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace sd35 {

// Tests pass folders of their own.
struct SystemFolders {
  std::filesystem::path cpus = "/sys/devices/system/cpu";  // cpuN/topology/thread_siblings_list
  std::filesystem::path cgroups = "/sys/fs/cgroup";  // version 2, or version 1 with a folder per controller
  std::filesystem::path membership = "/proc/self/cgroup";  // the process's cgroups
  std::filesystem::path memory = "/proc/meminfo";
};

struct CgroupFolder {
  std::filesystem::path path;
  int version = 2;
};

// The folders of the process's cgroup and of those above it that may limit `controller` ("cpu", "memory"),
// whether they exist or not. A container sees its own group as the root, and the name it has outside leads
// nowhere: then only the root counts.
std::vector<CgroupFolder> cgroup_folders(const SystemFolders& system, std::string_view controller);

}  // namespace sd35
