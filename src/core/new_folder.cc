#include "core/new_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <system_error>
#include <utility>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/file_reader.h"
#include "core/messages.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

std::string shown(const fs::path& path) { return in_quotes(path.string()); }

[[noreturn]] void fail(const fs::path& path, const std::error_code& error) {
  throw FileError("cannot make folder " + shown(path) + ": " + error.message(), {}, path);
}

[[noreturn]] void fail(const fs::path& path, int error) {
  fail(path, std::error_code(error, std::generic_category()));
}

// Follows links; refuses what exists, except an empty folder that may be replaced.
fs::path resolve_folder(const fs::path& target) {
  if (target.empty()) throw FileError("cannot make folder '': it has no name");
  const fs::path path = target.has_filename() ? target : target.parent_path();
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::status_known(status)) fail(target, error);
  const bool linked = fs::is_symlink(fs::symlink_status(path, error));
  if (!fs::exists(status) && !linked) return path;
  const bool empty = fs::is_directory(status) && fs::is_empty(path, error);
  if (error) fail(target, error);
  if (!empty) throw ArgumentError(shown(target) + " exists already; name a new folder");
  if (fs::equivalent(path, ".", error))
    throw ArgumentError(shown(target) + " is the folder that this runs in; name a new folder");
  if (const std::string why = why_not_replaced(path); !why.empty())
    throw ArgumentError(shown(target) + " " + why + "; name a new folder in it");
  fs::path resolved = linked ? fs::canonical(path, error) : path;
  if (error) fail(target, error);
  return resolved;
}

}  // namespace

NewFolder::NewFolder(const fs::path& target) : target_(resolve_folder(target)), above_(folder_of(target_)) {
  remove_leftovers(folder_of(target_));
  make_temporary();
}

NewFolder::~NewFolder() { discard(); }

void NewFolder::make_temporary() {
  while (path_.empty()) {
    path_ = folder_of(target_) / temporary_name();
    if (::mkdir(path_.c_str(), 0777) != 0) {
      path_.clear();
      if (errno != EEXIST) fail(target_, errno);
      continue;
    }
    lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int error = errno;
    if (lock_ >= 0 && hold_temporary(lock_, path_)) {
      shown_.emplace(path_, target_);
      return;
    }
    const bool opened = lock_ >= 0;
    discard();
    if (!opened) fail(target_, error);
  }
}

void NewFolder::discard() noexcept {
  std::error_code ignored;
  if (!path_.empty()) fs::remove_all(path_, ignored);
  path_.clear();
  if (lock_ >= 0) ::close(std::exchange(lock_, -1));
}

void NewFolder::make_folder(const std::string& name) const {
  std::error_code error;
  fs::create_directories(path_ / name, error);
  if (error) fail(target_ / name, error);
}

void NewFolder::write(const std::string& name, std::string_view text) const {
  make_folder(fs::path(name).parent_path().string());
  AtomicFile file(path_ / name);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

void NewFolder::copy_files(const fs::path& from, const std::string& name) const {
  constexpr std::uint64_t kLargest = std::uint64_t{1} << 30;
  make_folder(name);
  std::error_code error;
  for (fs::directory_iterator entry(from, error), end; !error && entry != end; entry.increment(error)) {
    const fs::path& file = entry->path();
    std::error_code ignored;  // a link to nowhere is not a file
    if (entry->is_regular_file(ignored))
      write((name / file.filename()).string(), read_whole_file(file, kLargest));
  }
  if (error) throw FileError("cannot read folder " + shown(from) + ": " + error.message(), {}, from);
}

void NewFolder::commit() {
  if (::rename(path_.c_str(), target_.c_str()) != 0) {
    if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR) fail(target_, errno);
    throw ArgumentError(shown(target_) + " was made by another program meanwhile; name a new folder");
  }
  path_.clear();
  discard();
  flush_folder(folder_of(target_));
}

}  // namespace sd35
