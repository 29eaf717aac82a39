#include "core/cpu.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <string_view>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"generic", "avx2", "avx512", "avx512_bf16"};

// The level SD35_ISA asks for, no higher than the CPU's.
IsaLevel initial_level() {
  const char* wanted = std::getenv("SD35_ISA");
  if (wanted == nullptr) return best_isa_level();
  const auto* name = std::ranges::find(kNames, std::string_view(wanted));
  if (name == kNames.end())
    throw ArgumentError("SD35_ISA is '" + std::string(wanted) +
                        "'; known: generic, avx2, avx512, avx512_bf16");
  return std::min(best_isa_level(), static_cast<IsaLevel>(name - kNames.begin()));
}

std::atomic<IsaLevel>& current_level() {
  static std::atomic<IsaLevel> level = initial_level();
  return level;
}

}  // namespace

IsaLevel best_isa_level() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return IsaLevel::generic;
  if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
      !__builtin_cpu_supports("avx512vl") || !__builtin_cpu_supports("avx512dq"))
    return IsaLevel::avx2;
  // Every CPU with bf16 products has those of 8-bit integers too.
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni") ? IsaLevel::avx512_bf16
                                                                                      : IsaLevel::avx512;
#else
  return IsaLevel::generic;
#endif
}

IsaLevel isa_level() { return current_level(); }

void force_isa_level(IsaLevel level) { current_level() = std::min(level, best_isa_level()); }

std::string name_of(IsaLevel level) { return std::string(kNames.at(static_cast<std::size_t>(level))); }

}  // namespace sd35
