#include "core/file_reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "core/messages.h"

namespace sd35 {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& what) {
  throw FileError("cannot read " + in_quotes(path) + ": " + what, {}, path);
}

}  // namespace

FileReader::FileReader(std::string path) : path_(std::move(path)) {
  // O_NONBLOCK: a pipe without a writer must be refused below, not waited for.
  descriptor_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor_ < 0) fail(path_, system_reason(errno));
  struct stat status {};
  const bool known = ::fstat(descriptor_, &status) == 0;
  const int error = errno;
  if (known && S_ISREG(status.st_mode)) {
    size_ = static_cast<std::uint64_t>(status.st_size);
    return;
  }
  ::close(descriptor_);
  fail(path_, known ? "it is not a regular file" : system_reason(error));
}

FileReader::~FileReader() { ::close(descriptor_); }

std::size_t FileReader::read_some(std::uint64_t offset, std::span<std::byte> target) const {
  std::size_t done = 0;
  while (done < target.size()) {
    const ssize_t count =
        ::pread(descriptor_, target.data() + done, target.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(path_, system_reason(errno));
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

void FileReader::read(std::uint64_t offset, std::span<std::byte> target) const {
  if (read_some(offset, target) < target.size())
    fail(path_, "it ends before byte " + std::to_string(offset + target.size()));
}

std::vector<std::byte> FileReader::read(std::uint64_t offset, std::uint64_t count) const {
  if (offset > size_ || count > size_ - offset)
    fail(path_, "it ends before byte " + std::to_string(offset) + " + " + std::to_string(count));
  std::vector<std::byte> bytes(count);
  read(offset, std::span(bytes));
  return bytes;
}

std::string read_whole_file(const std::filesystem::path& path, std::uint64_t largest) {
  const FileReader file(path.string());
  if (file.size() > largest)
    fail(path.string(),
         std::to_string(file.size()) + " bytes are too many; up to " + std::to_string(largest) + " are read");
  std::string text(file.size(), '\0');
  file.read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

void for_each_line(const std::filesystem::path& path, std::uint64_t largest,
                   const std::function<void(std::int64_t, std::string_view)>& body) {
  const std::string text = read_whole_file(path, largest);
  std::string_view rest = text;
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    body(number, line);
  }
}

}  // namespace sd35
