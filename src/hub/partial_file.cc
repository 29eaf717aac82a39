#include "hub/partial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "core/error.h"
#include "core/messages.h"

namespace sd35::hub {
namespace {

std::filesystem::path incomplete(const std::filesystem::path& file) { return file.string() + ".incomplete"; }

}  // namespace

PartialFile::PartialFile(const std::filesystem::path& file) : file_(file), path_(incomplete(file)) {
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0) fail("cannot write");
  size_ = size_of(file_);
}

PartialFile::~PartialFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void PartialFile::append(const char* bytes, std::size_t count) {
  while (count > 0) {
    const ssize_t written = ::write(descriptor_, bytes, count);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail("cannot write");
    bytes += written;
    count -= static_cast<std::size_t>(written);
    size_ += static_cast<std::uint64_t>(written);
  }
}

void PartialFile::restart() {
  if (::ftruncate(descriptor_, 0) != 0) fail("cannot write");
  size_ = 0;
}

void PartialFile::flush() {
  if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP) fail("cannot flush");
}

void PartialFile::commit() {
  if (::rename(path_.c_str(), file_.c_str()) != 0) fail("cannot rename");
}

void PartialFile::discard() { ::unlink(path_.c_str()); }

std::uint64_t PartialFile::size_of(const std::filesystem::path& file) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(incomplete(file), error);
  return error ? 0 : size;
}

void PartialFile::fail(const char* what) const {
  const int error = errno;
  throw FileError(std::string(what) + " " + in_quotes(path_.string()) + ": " + system_reason(error), {},
                  path_);
}

FileLock::FileLock(const std::filesystem::path& file, const std::function<bool()>& patience) {
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    throw FileError("cannot write " + in_quotes(file.string()) + ": " + system_reason(errno), {}, file);
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) break;  // file systems without locks
    if (!patience()) {
      ::close(descriptor_);
      throw Cancelled();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

FileLock::~FileLock() { ::close(descriptor_); }

}  // namespace sd35::hub
