// Values of options that a person writes in a different form than the library uses.
#pragma once

#include <string>
#include <utility>

#include "sd35/sd35.h"

namespace sd35::cli {

// Each throws an ArgumentError that begins with `name`, that of the option.

// FILE[:WEIGHT].
LoraOptions lora_argument(const std::string& name, const std::string& argument);
// Digits of the bytes of "4GB", "3.5 GiB", "800M": powers of 1000 or, with an i, of 1024; a bare number is
// bytes.
std::string memory_argument(const std::string& name, const std::string& argument);
// START,STOP.
std::pair<double, double> pair_argument(const std::string& name, const std::string& argument);

}  // namespace sd35::cli
