// For programs that handle SIGBUS: which file of weights was cut short.
#pragma once

#include "sd35/export.h"

namespace sd35 {

// Files of weights are mapped. One that is cut short while it is used raises SIGBUS, as does a disk that
// fails; the library leaves the signal alone.
//
// The file of which `address` (si_addr of the fault) is mapped memory, in quotes as messages show it; null
// if it is in none. Async-signal-safe, from any thread. The text holds as long as the mapping.
SD35_API const char* mapped_file_at(const void* address) noexcept;

}  // namespace sd35
