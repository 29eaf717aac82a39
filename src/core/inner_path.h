// Paths that a file from somebody else names.
#pragma once

#include <string>

namespace sd35 {

// Whether `path` is relative and names something inside the folder it is relative to: what comes from
// somebody else's file must not lead to other files of this machine.
bool is_inner_path(const std::string& path);

}  // namespace sd35
