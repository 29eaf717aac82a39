// What this machine's vector units reach, measured: the yardstick of every benchmark's share of the ceiling.
#pragma once

namespace bench {

// GFLOP/s of multiply-adds that never leave the registers, on sd35::thread_count() threads, in the widest
// instructions of this CPU; a multiply-add counts as two. Measured anew in each call (a tenth of a second),
// because clocks and neighbours change. Without bf16 instructions the bf16 ceiling is that of f32.
double f32_ceiling_gflops();
double bf16_ceiling_gflops();

}  // namespace bench
