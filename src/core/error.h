// The exceptions are part of the public API; inside, they come with a way to add context.
#pragma once

#include <string>

#include "sd35/error.h"

namespace sd35 {

// Rethrows the exception in flight with "context: " in front, keeping its type. Call inside a catch block.
[[noreturn]] void rethrow_with_context(const std::string& context);

}  // namespace sd35
