// What the program ends with.
#pragma once

namespace sd35::cli {

enum ExitCode : int {
  kUnexpected = 1,
  kUsage = 2,
  kFile = 3,
  kNumeric = 4,
  kInterrupted = 130,
};

}  // namespace sd35::cli
