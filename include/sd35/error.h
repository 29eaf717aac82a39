// The exceptions of the project: one small hierarchy, every message one line that says what was wrong, where,
// and what would work.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include "sd35/export.h"

namespace sd35 {

// `text` as it may be shown on a terminal, on one line: bytes that are not UTF-8, control characters, ends of
// lines and marks that turn the direction of writing become \xNN. Names from files and archives can hold all
// of these.
SD35_API std::string printable(std::string_view text);

// The classes below, for who cannot catch by class.
enum class ErrorKind : std::uint8_t { other, argument, file, numeric, memory, cancelled };

// Base of everything sd35 throws.
class SD35_API Error : public std::runtime_error {
 public:
  // what() is printable(message).
  explicit Error(std::string_view message, std::string_view option = {}, std::filesystem::path file = {})
      : std::runtime_error(printable(message)), option_(option), file_(std::move(file)) {}

  virtual ErrorKind kind() const noexcept { return ErrorKind::other; }

  // The option that the error is about, by the name of its field in LoadOptions or GenerateOptions, as
  // in "width" or "skip_layer_guidance.start"; empty: about none. Parts of a model are named without
  // `parts.`. Of a LoRA or a part that is missing or cannot be read it is the option that names the file.
  // "loras", which both structs have, is that of LoadOptions where a model was being opened.
  const std::string& option() const noexcept { return option_; }
  // The file or folder that the error is about; empty: about none, or the message alone says.
  const std::filesystem::path& file() const noexcept { return file_; }

 private:
  std::string option_;
  std::filesystem::path file_;
};

// The caller asked for something impossible: an unsupported size, an empty list, a bad option. Exit code 2.
class SD35_API ArgumentError : public Error {
 public:
  using Error::Error;
  ErrorKind kind() const noexcept override { return ErrorKind::argument; }
};

// A file is missing, truncated, malformed or does not fit the model. Exit code 3.
class SD35_API FileError : public Error {
 public:
  using Error::Error;
  ErrorKind kind() const noexcept override { return ErrorKind::file; }
};

// A computation produced NaN or infinity; the message names the stage. Exit code 4.
class SD35_API NumericError : public Error {
 public:
  using Error::Error;
  ErrorKind kind() const noexcept override { return ErrorKind::numeric; }
};

// Memory ran out. Exit code 1.
class SD35_API MemoryError : public Error {
 public:
  MemoryError() : Error("out of memory") {}
  ErrorKind kind() const noexcept override { return ErrorKind::memory; }
};

// The person asked to stop (Ctrl-C, or a progress callback that returned false). Exit code 130.
class SD35_API Cancelled : public Error {
 public:
  Cancelled() : Error("cancelled") {}
  ErrorKind kind() const noexcept override { return ErrorKind::cancelled; }
};

}  // namespace sd35
