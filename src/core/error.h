// The exceptions are part of the public API; inside, they come with ways to add context and to translate
// others.
#pragma once

#include <string>

#include "sd35/error.h"

namespace sd35 {

// Rethrows the exception in flight with "context: " in front, keeping its type. Call inside a catch block.
[[noreturn]] void rethrow_with_context(const std::string& context);

// Rethrows the exception in flight as an Error: an Error stays as it is, running out of memory becomes
// MemoryError, what std::filesystem throws FileError, anything else an Error with the same message. Call
// inside a catch block.
[[noreturn]] void rethrow_as_error();

}  // namespace sd35
