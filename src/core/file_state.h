// Which file a name stands for, and in which state: whether what was read of it is still what lies there.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

struct stat;

namespace sd35 {

// Differs where a file was replaced or written to. Bytes that were changed in place, with the old time put
// back, are not noticed.
struct FileState {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t seconds = 0, nanoseconds = 0;  // of its last change

  FileState() = default;
  explicit FileState(const struct stat& status);
  bool operator==(const FileState&) const = default;
};

// Nothing where there is no such file, or it may not be looked at.
std::optional<FileState> file_state(const std::filesystem::path& path);

}  // namespace sd35
