// A folder that appears under its name only when it is complete.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "core/made_folder.h"
#include "core/temporaries.h"

namespace sd35 {

// Files are put into a temporary folder beside the target, which becomes the target in commit() and vanishes
// otherwise. Of two that make the same target, the first to finish has it whole and the other gets an error.
// What killed writers left is removed by the next one that makes a folder or file there.
class NewFolder {
 public:
  // Throws ArgumentError when `target` exists and is not an empty folder, or is one that cannot be replaced;
  // FileError when it cannot be made, for example because it has no name.
  explicit NewFolder(const std::filesystem::path& target);
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  // Make a folder in it, with those above. Throws FileError.
  void make_folder(const std::string& name) const;
  // Writes a whole file; the folders above it are made. Throws FileError.
  void write(const std::string& name, std::string_view text) const;
  // Copies the regular files of a folder elsewhere, as they are named there. Throws FileError.
  void copy_files(const std::filesystem::path& from, const std::string& name) const;
  // Throws ArgumentError when the target was made meanwhile, FileError.
  void commit();

 private:
  void make_temporary();
  void discard() noexcept;

  std::filesystem::path target_;  // links resolved
  MadeFolder above_;
  std::filesystem::path path_;  // of the temporary; empty after commit
  std::optional<ShownTarget> shown_;
  int lock_ = -1;
};

}  // namespace sd35
