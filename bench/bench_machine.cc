// This machine's ceilings as JSON, for scripts: GFLOP/s in f32 and bf16, Gop/s of 8-bit integers.
// bench_machine [THREADS]
#include <cstdio>
#include <cstdlib>

#include "core/ceiling.h"
#include "core/threads.h"

int main(int argc, char** argv) {
  const sd35::ThreadCount threads(argc > 1 ? std::atoi(argv[1]) : 0);
  std::printf("{\"threads\": %d, \"f32\": %.1f, \"bf16\": %.1f, \"int8\": %.1f}\n", sd35::thread_count(),
              sd35::f32_ceiling_gflops(), sd35::bf16_ceiling_gflops(), sd35::int8_ceiling_gops());
  return 0;
}
