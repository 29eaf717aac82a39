// How much memory this process can still get.
#pragma once

#include <cstdint>

#include "core/system_folders.h"

namespace sd35 {

// Bytes that can be taken without anything being swapped out or killed: what the machine has available,
// within what the process's cgroups (version 1 and 2) and its limit of address space leave. 0 when unknown.
std::uint64_t available_memory(const SystemFolders& system = {});

}  // namespace sd35
