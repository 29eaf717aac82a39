// Parts of a file by their offset.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sd35 {

// Receives, in one line each, what the data layer skips and goes on without.
using WarningFunction = std::function<void(const std::string&)>;

// A regular file open for reading at any offset. A file that shrinks meanwhile is an error, not a crash; any
// number of threads may read.
class FileReader {
 public:
  // Throws FileError when `path` is not a regular file or cannot be opened.
  explicit FileReader(std::string path);
  ~FileReader();
  FileReader(const FileReader&) = delete;
  FileReader& operator=(const FileReader&) = delete;

  const std::string& path() const { return path_; }
  // When it was opened.
  std::uint64_t size() const { return size_; }

  // Reads up to target.size() bytes; fewer only at the end of the file. Throws FileError.
  std::size_t read_some(std::uint64_t offset, std::span<std::byte> target) const;
  // Reads exactly target.size() bytes. Throws FileError, also when the file ends before that.
  void read(std::uint64_t offset, std::span<std::byte> target) const;
  // The same, allocated here: only after the range was found to lie inside the file.
  std::vector<std::byte> read(std::uint64_t offset, std::uint64_t count) const;

 private:
  std::string path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

// All of a regular file. Throws FileError when it is not a regular file (a pipe, a device, a folder), holds
// more than `largest` bytes, or cannot be read to its end.
std::string read_whole_file(const std::filesystem::path& path, std::uint64_t largest);

// Calls body(number, line) with each line of a file, numbered from 1 and without its end ("\n" or "\r\n").
// The file is first read as read_whole_file() does, so its last line is never that of a failed read. `line`
// is valid during the call.
void for_each_line(const std::filesystem::path& path, std::uint64_t largest,
                   const std::function<void(std::int64_t number, std::string_view line)>& body);

}  // namespace sd35
