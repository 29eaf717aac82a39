#include "standard_input.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "interrupt.h"
#include "sd35/error.h"

namespace sd35::cli {
namespace {

// "1 MiB", "64000000 bytes"
std::string in_bytes(std::size_t size) {
  constexpr std::size_t kMebibyte = std::size_t{1} << 20;
  return size % kMebibyte == 0 ? std::to_string(size / kMebibyte) + " MiB" : std::to_string(size) + " bytes";
}

}  // namespace

std::string read_standard_input(const std::string& what, std::size_t largest) {
  static bool was_read = false;
  if (was_read) throw ArgumentError("only one text can be read from the standard input (-)");
  was_read = true;
  std::string text;
  std::array<char, 4096> block{};
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, block.data(), block.size());
    if (interrupted()) throw Cancelled();
    if (count < 0 && errno == EINTR) continue;
    if (count < 0)
      throw FileError("cannot read " + what +
                      " from the standard input: " + std::generic_category().message(errno));
    if (count == 0) return text;
    text.append(block.data(), static_cast<std::size_t>(count));
    if (text.size() > largest)
      throw FileError("the standard input holds more than the " + in_bytes(largest) + " that " + what +
                      " may have");
  }
}

std::string text_argument(const std::string& text) {
  constexpr std::size_t kLongest = std::size_t{1} << 20;
  if (text != "-") return text;
  std::string read = read_standard_input("the prompt", kLongest);
  while (read.ends_with('\n') || read.ends_with('\r')) read.pop_back();
  // More likely a command that failed than what was meant.
  if (read.empty()) throw FileError("the standard input holds no prompt; an empty one is --prompt \"\"");
  return read;
}

}  // namespace sd35::cli
