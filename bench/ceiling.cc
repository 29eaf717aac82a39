#include "bench/ceiling.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "core/threads.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace bench {
namespace {

// Enough accumulators to hide the latency of a multiply-add on two units.
constexpr int kAccumulators = 12;
constexpr std::int64_t kRounds = 4'000'000;
constexpr int kRepetitions = 20;

// Runs kRounds rounds of kAccumulators multiply-adds; the result depends on all of them.
using Loop = float (*)(float seed);

struct Ceiling {
  Loop loop;
  double flops_an_instruction;
};

float portable_loop(float seed) {
  constexpr int kLanes = 4;
  float sums[kAccumulators][kLanes] = {};
  for (std::int64_t round = 0; round < kRounds; ++round)
    for (auto& sum : sums)
      for (float& lane : sum) lane = lane * seed + seed;
  float total = 0;
  for (const auto& sum : sums)
    for (const float lane : sum) total += lane;
  return total;
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) float avx2_loop(float seed) {
  const __m256 factor = _mm256_set1_ps(seed);
  __m256 sums[kAccumulators];
  for (__m256& sum : sums) sum = _mm256_setzero_ps();
  for (std::int64_t round = 0; round < kRounds; ++round)
#pragma GCC unroll 12
    for (__m256& sum : sums) sum = _mm256_fmadd_ps(sum, factor, factor);
  for (int i = 1; i < kAccumulators; ++i) sums[0] = _mm256_add_ps(sums[0], sums[i]);
  return _mm256_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f"))) float avx512_loop(float seed) {
  const __m512 factor = _mm512_set1_ps(seed);
  __m512 sums[kAccumulators];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (std::int64_t round = 0; round < kRounds; ++round)
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_fmadd_ps(sum, factor, factor);
  for (int i = 1; i < kAccumulators; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx512f,avx512bf16"))) float avx512_bf16_loop(float seed) {
  const __m512 value = _mm512_set1_ps(seed);
  const __m512bh factor = _mm512_cvtne2ps_pbh(value, value);
  __m512 sums[kAccumulators];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  for (std::int64_t round = 0; round < kRounds; ++round)
#pragma GCC unroll 12
    for (__m512& sum : sums) sum = _mm512_dpbf16_ps(sum, factor, factor);
  for (int i = 1; i < kAccumulators; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_cvtss_f32(sums[0]);
}
#endif

Ceiling f32_loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") != 0) return {avx512_loop, 32};
  if (__builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0) return {avx2_loop, 16};
#endif
  return {portable_loop, 8};
}

Ceiling bf16_loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16") != 0) return {avx512_bf16_loop, 64};
#endif
  return f32_loop();
}

double gflops(const Ceiling& ceiling) {
  const int threads = sd35::thread_count();
  double best = 0;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    sd35::parallel_for(threads, 1, [&](std::int64_t, std::int64_t) {
      volatile float seed = 0.5f;
      volatile float result = ceiling.loop(seed);
      static_cast<void>(result);
    });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    const double flops = ceiling.flops_an_instruction * kAccumulators * kRounds * threads;
    best = std::max(best, flops / seconds.count() * 1e-9);
  }
  return best;
}

}  // namespace

double f32_ceiling_gflops() { return gflops(f32_loop()); }
double bf16_ceiling_gflops() { return gflops(bf16_loop()); }

}  // namespace bench
