// The exceptions are part of the public API; inside, they come with ways to add context and to translate
// others.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "sd35/error.h"

namespace sd35 {

// Rethrows the exception in flight with "context: " in front, keeping its type; one that is about no file is
// about `file` then. Call inside a catch block.
[[noreturn]] void rethrow_with_context(const std::string& context, const std::filesystem::path& file = {});

// Rethrows the exception in flight; an ArgumentError or FileError that names no option names this one. Call
// inside a catch block.
[[noreturn]] void rethrow_about(std::string_view option);

// Rethrows the exception in flight as an Error: an Error stays as it is, running out of memory becomes
// MemoryError, what std::filesystem throws FileError, anything else an Error with the same message. Call
// inside a catch block.
[[noreturn]] void rethrow_as_error();

}  // namespace sd35
