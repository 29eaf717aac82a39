// A file that appears under its name only when it is complete.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace sd35 {

// Writes to a temporary in the target's folder and renames it over the target in commit(), so that a failure,
// a full disk or a kill never leaves a half-written target and never damages an existing one. A target that
// is a symbolic link keeps the link and replaces what it points to.
//
// Every function throws FileError with the path and the system's reason; the temporary is then removed.
class AtomicFile {
 public:
  // Creates the temporary. Refuses a missing or unwritable folder and a target that is not a regular file.
  explicit AtomicFile(const std::filesystem::path& path) { open(path); }
  AtomicFile() = default;
  // Removes the temporary unless committed.
  ~AtomicFile() { discard(); }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // As the constructor; what an earlier open() wrote and did not commit is dropped.
  void open(const std::filesystem::path& path);
  // Appends all of `bytes`; a short write is an error. Throws Error when no file is open.
  void write(std::span<const std::byte> bytes);
  // Flushes to the disk, renames to the target and closes.
  void commit();
  // The same where the target does not exist; false, and nothing is written, where it does, even when another
  // process made it meanwhile.
  bool commit_as_new();

 private:
  void finish();
  void flush_folder() const;
  void discard() noexcept;
  [[noreturn]] void fail(const char* action, int error);

  int descriptor_ = -1;
  std::filesystem::path shown_;      // the path as the caller spelled it, for messages
  std::filesystem::path target_;     // the same, symbolic links resolved
  std::filesystem::path temporary_;  // empty when there is none
};

}  // namespace sd35
