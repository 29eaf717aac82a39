// This machine's ceilings as JSON, for scripts: GFLOP/s in f32 and bf16.   bench_machine [THREADS]
#include <cstdio>
#include <cstdlib>

#include "bench/ceiling.h"
#include "core/threads.h"

int main(int argc, char** argv) {
  sd35::set_thread_count(argc > 1 ? std::atoi(argv[1]) : 0);
  std::printf("{\"threads\": %d, \"f32\": %.1f, \"bf16\": %.1f}\n", sd35::thread_count(),
              bench::f32_ceiling_gflops(), bench::bf16_ceiling_gflops());
  return 0;
}
