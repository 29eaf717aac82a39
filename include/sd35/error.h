// The exceptions of the project: one small hierarchy, every message one line that says what was wrong, where,
// and what would work.
#pragma once

#include <stdexcept>
#include <string>

namespace sd35 {

// Base of everything sd35 throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
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

// The person asked to stop (Ctrl-C, or a progress callback that returned false). Exit code 130.
class Cancelled : public Error {
 public:
  Cancelled() : Error("cancelled") {}
};

}  // namespace sd35
