#include "core/available_memory.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <optional>
#include <string>

namespace sd35 {
namespace {

constexpr std::uint64_t kNoLimit = std::numeric_limits<std::uint64_t>::max();

std::uint64_t difference(std::uint64_t most, std::uint64_t used) { return most > used ? most - used : 0; }

// The number in a file of one number; none where it says "max".
std::optional<std::uint64_t> number_in(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::uint64_t number = 0;
  return file >> number ? std::make_optional(number) : std::nullopt;
}

// The number that follows `name` in a file of lines "name number".
std::optional<std::uint64_t> number_of(const std::filesystem::path& path, const std::string& name) {
  std::ifstream file(path);
  std::string word;
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(name + " ")) return std::strtoull(line.c_str() + name.size(), nullptr, 10);
  return std::nullopt;
}

// Pages of files that are not in use count as used, but make way.
std::uint64_t left_in(const CgroupFolder& group) {
  const bool unified = group.version == 2;
  const auto most = number_in(group.path / (unified ? "memory.max" : "memory.limit_in_bytes"));
  const auto used = number_in(group.path / (unified ? "memory.current" : "memory.usage_in_bytes"));
  if (!most || !used) return kNoLimit;
  const auto spare = number_of(group.path / "memory.stat", unified ? "inactive_file" : "total_inactive_file");
  return difference(*most, difference(*used, spare.value_or(0)));
}

std::uint64_t left_of_address_space() {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return kNoLimit;
  const std::uint64_t pages = number_in("/proc/self/statm").value_or(0);
  return difference(limit.rlim_cur, pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)));
}

}  // namespace

std::uint64_t available_memory(const SystemFolders& system) {
  const auto kilobytes = number_of(system.memory, "MemAvailable:");
  if (!kilobytes) return 0;
  std::uint64_t least = std::min(*kilobytes * 1024, left_of_address_space());
  for (const CgroupFolder& group : cgroup_folders(system, "memory")) least = std::min(least, left_in(group));
  return least;
}

}  // namespace sd35
