// What stays in memory between pictures.
#pragma once

#include <cstdint>
#include <string_view>

namespace sd35 {

// In the order of how much stays.
enum class Residency : std::uint8_t { nothing, transformer, all };

// "nothing", "transformer" or "all". Throws ArgumentError naming them.
Residency residency_from_name(std::string_view name);

}  // namespace sd35
