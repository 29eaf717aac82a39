#include "core/system_folders.h"

#include <fstream>
#include <string>

namespace sd35 {
namespace {

// Whether the list "cpu,cpuacct" names the controller.
bool names(const std::string& controllers, std::string_view controller) {
  return ("," + controllers + ",").find("," + std::string(controller) + ",") != std::string::npos;
}

}  // namespace

std::vector<CgroupFolder> cgroup_folders(const SystemFolders& system, std::string_view controller) {
  std::vector<CgroupFolder> folders;
  std::ifstream file(system.membership);
  // "0::/user.slice" is the group of version 2, "4:cpu,cpuacct:/docker/x" one of version 1.
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == line.npos || second == line.npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (!unified && !names(controllers, controller)) continue;
    CgroupFolder folder{unified ? system.cgroups : system.cgroups / controller, unified ? 2 : 1};
    folders.push_back(folder);
    for (const auto& part : std::filesystem::path(line.substr(second + 1)).relative_path()) {
      folder.path /= part;
      folders.push_back(folder);
    }
  }
  return folders;
}

}  // namespace sd35
