// What this machine's vector units reach, measured: the yardstick of every share of the ceiling.
#pragma once

namespace sd35 {

// GFLOP/s of multiply-adds that never leave the registers, on thread_count() threads, in the widest
// instructions of this CPU; a multiply-add counts as two. Measured again in each call (a tenth of a second),
// because clocks and neighbours change. Without bf16 instructions the bf16 ceiling is that of f32; without
// those for 8-bit products the int8 ceiling is that of exact products in 16 bits.
double f32_ceiling_gflops();
double bf16_ceiling_gflops();
double int8_ceiling_gops();

}  // namespace sd35
