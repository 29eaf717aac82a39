#include "core/new_folder.h"

#include <span>
#include <system_error>

#include "core/atomic_file.h"
#include "core/error.h"

namespace sd35 {

namespace fs = std::filesystem;

NewFolder::NewFolder(const fs::path& target)
    : target_(target.has_filename() ? target : target.parent_path()),
      path_(fs::path(target_).concat(".incomplete")) {
  if (fs::exists(target_) && !(fs::is_directory(target_) && fs::is_empty(target_)))
    throw ArgumentError(target_.string() + " exists already; name a new folder");
  fs::remove_all(path_);
  fs::create_directories(path_);
}

NewFolder::~NewFolder() {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
}

void NewFolder::write(const std::string& name, std::string_view text) const {
  fs::create_directories((path_ / name).parent_path());
  AtomicFile file(path_ / name);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

void NewFolder::commit() {
  fs::rename(path_, target_);
  path_.clear();
}

}  // namespace sd35
