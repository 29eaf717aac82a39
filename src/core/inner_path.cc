#include "core/inner_path.h"

#include <filesystem>

namespace sd35 {

bool is_inner_path(const std::string& path) {
  if (path.empty() || path.find('\0') != path.npos) return false;
  const std::filesystem::path normal = std::filesystem::path(path).lexically_normal();
  return !normal.is_absolute() && *normal.begin() != ".." && normal.has_filename();
}

}  // namespace sd35
