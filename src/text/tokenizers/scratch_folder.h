// A folder for the files of a moment.
#pragma once

#include <filesystem>

namespace sd35 {

// Lies in the system's temporary folder, to be read by its owner alone, and is removed with everything in it.
// Its maker holds a lock on it; one that nobody holds was left by a process that was killed, and the next one
// made removes it.
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
