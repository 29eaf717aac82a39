// A folder for temporary files.
#pragma once

#include <filesystem>

namespace sd35 {

// Lies in the system's temporary folder, readable by its owner alone, and is removed with everything in it.
// Its maker holds a lock on it; a folder that nobody locks was left by a process that was killed, and is
// removed when the next one is made.
class ScratchFolder {
 public:
  // Throws FileError.
  ScratchFolder();
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::filesystem::path operator/(const char* name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace sd35
