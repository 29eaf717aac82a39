// A folder that appears under its name only when it is complete.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace sd35 {

// Files are put into "<target>.incomplete", which becomes `target` in commit() and vanishes otherwise.
class NewFolder {
 public:
  // Throws ArgumentError when `target` exists and is no empty folder, std::filesystem::filesystem_error when
  // the folder cannot be made.
  explicit NewFolder(const std::filesystem::path& target);
  ~NewFolder();
  NewFolder(const NewFolder&) = delete;
  NewFolder& operator=(const NewFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  // Writes a whole file; the folders above it are made. Throws FileError.
  void write(const std::string& name, std::string_view text) const;
  void commit();

 private:
  std::filesystem::path target_;
  std::filesystem::path path_;  // empty after commit
};

}  // namespace sd35
