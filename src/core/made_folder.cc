#include "core/made_folder.h"

#include <unistd.h>

#include <algorithm>
#include <string>
#include <system_error>

#include "core/error.h"
#include "core/messages.h"

namespace sd35 {

namespace fs = std::filesystem;

void MadeFolder::make(const fs::path& folder) {
  const auto fail = [](const fs::path& path, const std::error_code& error) {
    throw FileError("cannot make folder " + in_quotes(path.string()) + ": " + error.message(), {}, path);
  };
  std::vector<fs::path> missing;
  std::error_code error;
  for (fs::path path = folder; !path.empty(); path = path.parent_path()) {
    const fs::file_status status = fs::status(path, error);
    if (!fs::status_known(status)) fail(path, error);
    if (fs::exists(status) || path == path.parent_path()) break;
    missing.push_back(path);
  }
  std::ranges::reverse(missing);  // no view: clang 14 does not compile those of GCC 12's library
  for (const fs::path& path : missing) {
    if (fs::create_directory(path, error)) made_.push_back(path);
    if (error) fail(path, error);
  }
  if (!fs::is_directory(folder, error)) fail(folder, std::make_error_code(std::errc::not_a_directory));
}

MadeFolder::~MadeFolder() {
  for (auto path = made_.rbegin(); path != made_.rend(); ++path)
    if (::rmdir(path->c_str()) != 0) return;  // something lies in it
}

}  // namespace sd35
