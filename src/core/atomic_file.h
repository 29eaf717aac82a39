// A file that appears under its name only when it is complete.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace sd35 {

// What happens to a file that exists already.
enum class Existing : std::uint8_t { replaced, refused };

// Throws ArgumentError when something is at `path`, FileError when that cannot be determined.
void refuse_existing(const std::filesystem::path& path);

// Writes to a file in the target's folder that has no name, or a temporary's where the system needs one, and
// puts it in the target's place in commit(). A failure, a full disk or a kill never leaves a half-written
// target and never damages an existing one; a temporary whose writer was killed is removed by the next one
// that writes there. A target that is a symbolic link keeps the link and replaces what it points to.
//
// Every function throws FileError with the path and the system's reason; the temporary is then removed.
class AtomicFile {
 public:
  // Refuses a missing or unwritable folder and a target that is not a regular file, or cannot be one.
  explicit AtomicFile(const std::filesystem::path& path) { open(path); }
  AtomicFile() = default;
  // What was not committed vanishes.
  ~AtomicFile() { discard(); }
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  // As the constructor; what an earlier open() wrote and did not commit is dropped.
  void open(const std::filesystem::path& path);
  // Appends all of `bytes`; a short write is an error. Throws Error when no file is open.
  void write(std::span<const std::byte> bytes);
  // Flushes to the disk, names it as the target and closes. Throws ArgumentError for a target that is there
  // and is not to be replaced, even when another process made it meanwhile.
  void commit(Existing existing = Existing::replaced);
  // The same for a target that is not there; false, and nothing is written, where it is.
  bool commit_as_new();

 private:
  void open_named();
  void flush();
  void finish();
  // Give a file without a name one. Where the system refuses, a named temporary with its bytes takes its
  // place.
  bool link_as(const std::filesystem::path& path) const;
  bool link_target();  // false where that name is taken, or there is a temporary now
  void link_temporary();
  void copy_to_named();
  bool rename_to_new_target();  // false where that name is taken
  void discard() noexcept;
  [[noreturn]] void fail(const char* action, int error);

  int descriptor_ = -1;
  std::filesystem::path shown_;      // the path as the caller spelled it, for messages
  std::filesystem::path target_;     // the same, symbolic links resolved
  std::filesystem::path temporary_;  // empty when there is none
};

}  // namespace sd35
