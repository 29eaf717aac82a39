// The exceptions of the project: one small hierarchy, every message one line that says what was wrong, where,
// and what would work.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace sd35 {

// `text` as it may be shown on a terminal, on one line: bytes that are not UTF-8, control characters, ends of
// lines and marks that turn the direction of writing become \xNN. Names from files and archives can hold all
// of these.
std::string printable(std::string_view text);

// Base of everything sd35 throws.
class Error : public std::runtime_error {
 public:
  // what() is printable(message).
  explicit Error(std::string_view message, std::string_view option = {})
      : std::runtime_error(printable(message)), option_(option) {}

  // The option that the error is about, by the name of its field in LoadOptions or GenerateOptions, as
  // in "width" or "skip_layer_guidance.start"; empty: about none. Parts of a model are named without
  // `parts.`. Of a LoRA or a part that is missing or cannot be read it is the option that names the file.
  // "loras", which both structs have, is that of LoadOptions where a model was being opened.
  const std::string& option() const noexcept { return option_; }

 private:
  std::string option_;
};

// The caller asked for something impossible: an unsupported size, an empty list, a bad option. Exit code 2.
class ArgumentError : public Error {
 public:
  using Error::Error;
};

// A file is missing, truncated, malformed or does not fit the model. Exit code 3.
class FileError : public Error {
 public:
  using Error::Error;
};

// A computation produced NaN or infinity; the message names the stage. Exit code 4.
class NumericError : public Error {
 public:
  using Error::Error;
};

// Memory ran out. Exit code 1.
class MemoryError : public Error {
 public:
  MemoryError() : Error("out of memory") {}
};

// The person asked to stop (Ctrl-C, or a progress callback that returned false). Exit code 130.
class Cancelled : public Error {
 public:
  Cancelled() : Error("cancelled") {}
};

}  // namespace sd35
