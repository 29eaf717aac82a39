// Folders on the way to a file.
#pragma once

#include <filesystem>
#include <vector>

namespace sd35 {

// Makes a folder and those above it that are missing; takes away again what it made and nobody filled.
class MadeFolder {
 public:
  MadeFolder() = default;
  // Throws FileError with the folder that cannot be made and the system's reason.
  explicit MadeFolder(const std::filesystem::path& folder) : MadeFolder() { make(folder); }
  ~MadeFolder();
  MadeFolder(const MadeFolder&) = delete;
  MadeFolder& operator=(const MadeFolder&) = delete;

  void make(const std::filesystem::path& folder);

 private:
  std::vector<std::filesystem::path> made_;  // from the outermost on
};

}  // namespace sd35
