// Where memory lies, or an engine computes.
#pragma once

#include <string>

namespace sd35 {

struct Device {
  std::string name = "cpu";  // as options spell it: "cpu", "cuda:1"
  bool host = true;          // memory that the program itself reads and writes
};

}  // namespace sd35
