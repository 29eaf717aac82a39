// A file that comes in parts, and may go on after the process has ended.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

namespace sd35::hub {

// What has come so far of a file lies beside it as NAME.incomplete; it gets its name when it is whole.
class PartialFile {
 public:
  // Opens what is there, or makes it. Throws FileError.
  explicit PartialFile(const std::filesystem::path& file);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::uint64_t size() const { return size_; }
  // Each throws FileError, as for a full disk; what was written before stays.
  void append(const char* bytes, std::size_t count);
  void restart();  // from nothing
  void flush();    // to the disk
  void commit();   // takes the name
  void discard();  // removes it

  // Of what is there of `file`; 0 for nothing.
  static std::uint64_t size_of(const std::filesystem::path& file);

 private:
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path file_, path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

// A lock among processes, as the Hugging Face tools take it.
class FileLock {
 public:
  // Waits until nobody else has it; throws Cancelled where `patience` says false, FileError.
  FileLock(const std::filesystem::path& file, const std::function<bool()>& patience);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int descriptor_ = -1;
};

}  // namespace sd35::hub
