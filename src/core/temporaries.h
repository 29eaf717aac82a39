// Files and folders that are being written: their names, and what happens to those whose writers died.
#pragma once

#include <filesystem>
#include <string>

namespace sd35 {

// A name that nothing else has, hidden, with nothing of the target's in it, which may already be as long as
// the file system allows. It says which machine writes.
std::string temporary_name();

// Marks the temporary at `path` as being written for as long as `descriptor` is open. False: a process took
// it for a leftover before that and removed it.
bool hold_temporary(int descriptor, const std::filesystem::path& path);

// As long as it lives, messages call what lies in the temporary folder `path` as it will be called in
// `target`.
class ShownTarget {
 public:
  ShownTarget(std::filesystem::path path, std::filesystem::path target);
  ~ShownTarget();
  ShownTarget(const ShownTarget&) = delete;
  ShownTarget& operator=(const ShownTarget&) = delete;

 private:
  std::filesystem::path path_;
};

// What to call the file at `path` in a message; from any thread.
std::filesystem::path shown_path(const std::filesystem::path& path);

// Removes the temporaries in `folder` whose writers are gone. This machine's are known by their locks;
// another machine's (or those from before this one was started) are assumed dead after a day. Looks at each
// folder once in the life of the process; what cannot be removed stays.
void remove_leftovers(const std::filesystem::path& folder) noexcept;

// The folder that `path` lies in.
std::filesystem::path folder_of(const std::filesystem::path& path);

// Makes the names in a folder durable. What they name is complete either way, so failures are not reported.
void flush_folder(const std::filesystem::path& folder) noexcept;

// Why nothing can be renamed to this file or folder, links followed: "is mounted for itself", "is immutable".
// Empty where it can, and where it does not exist.
std::string why_not_replaced(const std::filesystem::path& path);

}  // namespace sd35
