#include "text/tokenizers/scratch_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <system_error>

#include "core/error.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr const char* kPrefix = "sd35-scratch-";

// The open folder with its lock; -1 when it cannot be opened, is another user's or a link, or is locked.
int lock(const fs::path& folder, int how) {
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (descriptor < 0) return -1;
  struct stat status {};
  // One that has lost its name was removed while this waited for the lock.
  if (::fstat(descriptor, &status) == 0 && status.st_uid == ::geteuid() && ::flock(descriptor, how) == 0 &&
      ::fstat(descriptor, &status) == 0 && status.st_nlink > 0)
    return descriptor;
  ::close(descriptor);
  return -1;
}

void remove_abandoned(const fs::path& where) {
  std::error_code ignored;
  for (fs::directory_iterator entry(where, ignored), end; entry != end; entry.increment(ignored)) {
    if (!entry->path().filename().string().starts_with(kPrefix)) continue;
    const int held = lock(entry->path(), LOCK_EX | LOCK_NB);
    if (held < 0) continue;
    std::error_code failed;
    fs::remove_all(entry->path(), failed);
    ::close(held);
  }
}

}  // namespace

ScratchFolder::ScratchFolder() {
  std::error_code error;
  const fs::path where = fs::temp_directory_path(error);
  if (error)
    throw FileError("the folder for temporary files, which TMPDIR names, cannot be used: " + error.message());
  remove_abandoned(where);
  // Another process may mistake a folder that is not locked yet for an abandoned one.
  for (int attempt = 0; lock_ < 0 && attempt < 100; ++attempt) {
    std::string name = (where / kPrefix).string() + "XXXXXX";
    if (::mkdtemp(name.data()) == nullptr)
      throw FileError(
          "cannot create a folder in '" + where.string() + "': " + std::generic_category().message(errno), {},
          where);
    lock_ = lock(name, LOCK_EX);
    path_ = name;
  }
  if (lock_ < 0) throw FileError("cannot lock a folder in '" + where.string() + "'", {}, where);
}

ScratchFolder::~ScratchFolder() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
  ::close(lock_);
}

}  // namespace sd35
