#include "core/ceiling.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstring>

#include "core/threads.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sd35 {
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

__attribute__((target("avx2"))) float avx2_int16_loop(float seed) {
  const __m256i factor = _mm256_set1_epi16(static_cast<short>(seed * 100));
  __m256i sums[kAccumulators];
  for (__m256i& sum : sums) sum = factor;
  for (std::int64_t round = 0; round < kRounds; ++round)
#pragma GCC unroll 12
    for (__m256i& sum : sums) {
      // Opaque, so that the compiler does not compute the same product only once.
      __m256i operand = factor;
      __asm__("" : "+x"(operand));
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(operand, factor));
    }
  for (int i = 1; i < kAccumulators; ++i) sums[0] = _mm256_add_epi32(sums[0], sums[i]);
  return static_cast<float>(_mm_cvtsi128_si32(_mm256_castsi256_si128(sums[0])));
}

__attribute__((target("avx512f,avx512vnni"))) float avx512_int8_loop(float seed) {
  const __m512i factor = _mm512_set1_epi32(static_cast<int>(seed * 100));
  __m512i sums[kAccumulators];
  for (__m512i& sum : sums) sum = factor;
  for (std::int64_t round = 0; round < kRounds; ++round)
#pragma GCC unroll 12
    for (__m512i& sum : sums) sum = _mm512_dpbusd_epi32(sum, factor, factor);
  for (int i = 1; i < kAccumulators; ++i) sums[0] = _mm512_add_epi32(sums[0], sums[i]);
  std::int32_t first = 0;
  std::memcpy(&first, &sums[0], sizeof(first));
  return static_cast<float>(first);
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

Ceiling int8_loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni") != 0) return {avx512_int8_loop, 128};
  if (__builtin_cpu_supports("avx2") != 0) return {avx2_int16_loop, 32};
#endif
  return f32_loop();
}

double gflops(const Ceiling& ceiling) {
  const int threads = thread_count();
  double best = 0;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    const auto start = std::chrono::steady_clock::now();
    parallel_for(threads, 1, [&](std::int64_t, std::int64_t) {
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
double int8_ceiling_gops() { return gflops(int8_loop()); }

}  // namespace sd35
