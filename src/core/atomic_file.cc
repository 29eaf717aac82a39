#include "core/atomic_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "core/error.h"

namespace sd35 {
namespace {

std::string reason(int error) { return std::generic_category().message(error); }

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

// Follows links and refuses what a rename would destroy: folders, devices, pipes.
std::filesystem::path resolve_target(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  if (!path.has_filename()) throw FileError("cannot write '" + path.string() + "': it names no file");
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  // What is only missing can be made; a name that is too long, or a folder on the way that is a file, cannot.
  if (error && error.value() != ENOENT)
    throw FileError("cannot write '" + path.string() + "': " + reason(error.value()));
  if (fs::is_directory(status)) throw FileError("cannot write '" + path.string() + "': it is a folder");
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw FileError("cannot write '" + path.string() + "': it is not a regular file");
  if (!fs::is_symlink(fs::symlink_status(path, error))) return path;
  const fs::path resolved = fs::canonical(path, error);
  return error ? path : resolved;
}

// Renames unless `to` exists (errno EEXIST), also when another process makes it meanwhile.
bool rename_to_free_name(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return true;
  if (errno != EINVAL && errno != ENOSYS) return false;
  // A file system that knows no such rename: the name is taken first.
  const int reserved = ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (reserved < 0) return false;
  ::close(reserved);
  if (::rename(from.c_str(), to.c_str()) == 0) return true;
  const int error = errno;
  ::unlink(to.c_str());
  errno = error;
  return false;
}

}  // namespace

void AtomicFile::open(const std::filesystem::path& path) {
  static std::atomic<unsigned> counter = 0;
  discard();
  shown_ = path;
  target_ = resolve_target(path);
  // The name carries nothing of the target's, which may already be as long as the file system allows. O_EXCL
  // settles the race with a process of the same id on another machine that shares the folder.
  do {
    temporary_ = folder_of(target_) /
                 (".sd35-" + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp");
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (descriptor_ < 0 && (errno == EEXIST || errno == EINTR));
  if (descriptor_ >= 0) return;
  const int error = errno;
  temporary_.clear();
  throw FileError("cannot write '" + shown_.string() + "': cannot create a file in folder '" +
                  folder_of(target_).string() + "': " + reason(error));
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (descriptor_ < 0) throw Error("AtomicFile::write without an open file");
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot write", errno);
    if (written == 0) fail("cannot write", ENOSPC);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  finish();
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot rename a temporary to", errno);
  temporary_.clear();
  flush_folder();
}

bool AtomicFile::commit_as_new() {
  finish();
  if (!rename_to_free_name(temporary_, target_)) {
    const int error = errno;
    if (error != EEXIST) fail("cannot rename a temporary to", error);
    discard();
    return false;
  }
  temporary_.clear();
  flush_folder();
  return true;
}

void AtomicFile::finish() {
  if (descriptor_ < 0) throw Error("AtomicFile::commit without an open file");
  // Some file systems (pipes to a network share) know no fsync and say EINVAL; there is nothing more to do
  // for them.
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) fail("cannot flush", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) fail("cannot close", errno);
}

void AtomicFile::flush_folder() const {
  // Makes the rename itself durable; the file is complete either way, so a failure here is not one of the
  // caller's.
  const int folder = ::open(folder_of(target_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  (void)::fsync(folder);
  ::close(folder);
}

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::fail(const char* action, int error) {
  discard();
  throw FileError(std::string(action) + " '" + shown_.string() + "': " + reason(error));
}

}  // namespace sd35
