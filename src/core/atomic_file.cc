#include "core/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/messages.h"
#include "core/temporaries.h"

namespace sd35 {
namespace {

// Follows links and refuses what a rename would destroy (folders, devices, pipes) and what it cannot make.
std::filesystem::path resolve_file(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  const std::string shown = in_quotes(shown_path(path).string());
  if (!path.has_filename()) throw FileError("cannot write " + shown + ": it names no file", {}, path);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  // What is only missing can be made; a name that is too long, or a folder on the way that is a file, cannot.
  if (error && error.value() != ENOENT)
    throw FileError("cannot write " + shown + ": " + error.message(), {}, path);
  if (fs::is_directory(status)) throw FileError("cannot write " + shown + ": it is a folder", {}, path);
  if (fs::exists(status) && !fs::is_regular_file(status))
    throw FileError("cannot write " + shown + ": it is not a regular file", {}, path);
  if (const std::string why = why_not_replaced(path); fs::exists(status) && !why.empty())
    throw FileError("cannot write " + shown + ": it " + why + "; name another file", {}, path);
  if (!fs::is_symlink(fs::symlink_status(path, error))) return path;
  const fs::path resolved = fs::canonical(path, error);
  return error ? path : resolved;
}

std::string name_of_descriptor(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

// A file in `folder` that has no name yet and vanishes with its writer, however that ends. Negative where the
// system has none, or could not give it a name later.
int open_nameless(const std::filesystem::path& folder) {
  const int descriptor = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0666);
  if (descriptor < 0 || ::access(name_of_descriptor(descriptor).c_str(), F_OK) == 0) return descriptor;
  ::close(descriptor);
  return -1;
}

}  // namespace

void refuse_existing(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::symlink_status(path, error);
  if (!std::filesystem::status_known(status))
    throw FileError("cannot write " + in_quotes(path.string()) + ": " + error.message(), {}, path);
  if (std::filesystem::exists(status))
    throw ArgumentError(in_quotes(path.string()) + " exists already; name a new file");
}

void AtomicFile::open(const std::filesystem::path& path) {
  discard();
  shown_ = shown_path(path);
  target_ = resolve_file(path);
  remove_leftovers(folder_of(target_));
  descriptor_ = open_nameless(folder_of(target_));
  if (descriptor_ < 0) open_named();
}

void AtomicFile::open_named() {
  const std::filesystem::path folder = folder_of(target_);
  while (descriptor_ < 0) {
    temporary_ = folder / temporary_name();
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ >= 0) {
      if (!hold_temporary(descriptor_, temporary_)) discard();
      continue;
    }
    if (errno == EEXIST || errno == EINTR) continue;
    const int error = errno;
    temporary_.clear();
    throw FileError("cannot write " + in_quotes(shown_.string()) + ": cannot create a file in folder " +
                        in_quotes(shown_path(folder).string()) + ": " + system_reason(error),
                    {}, shown_);
  }
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

void AtomicFile::commit(Existing existing) {
  if (existing == Existing::refused) {
    if (commit_as_new()) return;
    throw ArgumentError(in_quotes(shown_.string()) +
                        " was made by another program meanwhile; name a new file");
  }
  flush();
  if (!temporary_.empty() || !link_target()) {
    if (temporary_.empty()) link_temporary();
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("cannot rename a temporary to", errno);
  }
  finish();
}

bool AtomicFile::commit_as_new() {
  flush();
  if ((temporary_.empty() && link_target()) || (!temporary_.empty() && rename_to_new_target())) {
    finish();
    return true;
  }
  discard();
  return false;
}

void AtomicFile::flush() {
  if (descriptor_ < 0) throw Error("AtomicFile::commit without an open file");
  // Some file systems (pipes to a network share) do not support fsync and say EINVAL; nothing more can be
  // done.
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) fail("cannot flush", errno);
  // They report a full disk when a file is closed, and the original is still needed for its name and lock.
  const int copy = ::dup(descriptor_);
  if (copy >= 0 && ::close(copy) != 0) fail("cannot close", errno);
}

void AtomicFile::finish() {
  temporary_.clear();
  ::close(std::exchange(descriptor_, -1));
  flush_folder(folder_of(target_));
}

bool AtomicFile::link_as(const std::filesystem::path& path) const {
  const std::string file = name_of_descriptor(descriptor_);
  return ::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) == 0;
}

bool AtomicFile::link_target() {
  if (link_as(target_)) return true;
  if (errno != EEXIST) copy_to_named();
  return false;
}

void AtomicFile::copy_to_named() {
  const int nameless = std::exchange(descriptor_, -1);
  off_t from = 0;
  ssize_t count = 0;
  try {
    open_named();
    do count = ::sendfile(descriptor_, nameless, &from, std::size_t{1} << 30);
    while (count > 0 || (count < 0 && errno == EINTR));
    if (count < 0) fail("cannot write", errno);
    flush();
  } catch (const FileError&) {
    ::close(nameless);
    throw;
  }
  ::close(nameless);
}

void AtomicFile::link_temporary() {
  const std::filesystem::path folder = folder_of(target_);
  (void)::flock(descriptor_, LOCK_EX);  // before it has a name that looks like a leftover's
  while (temporary_.empty()) {
    const std::filesystem::path name = folder / temporary_name();
    if (link_as(name))
      temporary_ = name;
    else if (errno != EEXIST)
      return copy_to_named();
  }
}

bool AtomicFile::rename_to_new_target() {
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, target_.c_str(), RENAME_NOREPLACE) == 0)
    return true;
  if (errno == EEXIST) return false;
  if (errno != EINVAL && errno != ENOSYS) fail("cannot rename a temporary to", errno);
  // A file system without such a rename: the name is taken first.
  const int reserved = ::open(target_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (reserved < 0 && errno == EEXIST) return false;
  if (reserved >= 0) ::close(reserved);
  if (::rename(temporary_.c_str(), target_.c_str()) == 0) return true;
  const int error = errno;
  if (reserved >= 0) ::unlink(target_.c_str());
  fail("cannot rename a temporary to", error);
}

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::fail(const char* action, int error) {
  discard();
  throw FileError(std::string(action) + " " + in_quotes(shown_.string()) + ": " + system_reason(error), {},
                  shown_);
}

}  // namespace sd35
