// What this CPU can do.
#pragma once

#include <cstdint>
#include <string>

namespace sd35 {

// Levels of instructions that kernels are compiled for, each including those before.
enum class IsaLevel : std::uint8_t { generic, avx2, avx512, avx512_bf16 };

// The highest level this CPU runs, or the lower one that the environment variable SD35_ISA names (generic,
// avx2, avx512, avx512_bf16) or that force_isa_level() chose.
IsaLevel isa_level();

// For tests: uses `level` if the CPU has it; what was prepared or compiled before keeps its level.
void force_isa_level(IsaLevel level);
// The highest level this CPU runs.
IsaLevel best_isa_level();

// bf16 products in hardware; without them bf16 weights are widened and multiplied in f32.
inline bool has_bf16_instructions() { return isa_level() >= IsaLevel::avx512_bf16; }

// "avx512_bf16"
std::string name_of(IsaLevel level);

}  // namespace sd35
