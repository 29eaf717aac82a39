// This file is compiled without contraction of a * b + c (src/CMakeLists.txt): every std::fma, and every
// place without one, is deliberate.
#include "core/torch_normal.h"

#include <bit>
#include <cmath>
#include <cstdint>
#include <numbers>

namespace sd35 {
namespace {

// Coefficients of Cephes' logf, sinf and cosf (S. L. Moshier, single/logf.c and single/sinf.c).
constexpr float kLog[] = {7.0376836292e-2f,  -1.1514610310e-1f, 1.1676998740e-1f,
                          -1.2420140846e-1f, 1.4249322787e-1f,  -1.6668057665e-1f,
                          2.0000714765e-1f,  -2.4999993993e-1f, 3.3333331174e-1f};
constexpr float kSin[] = {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f};
constexpr float kCos[] = {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f};
// ln 2 and pi / 4 as sums whose first terms multiply small integers exactly.
constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
constexpr float kQuarterPi[] = {0.78515625f, 2.4187564849853515625e-4f, 3.77489497744594108e-8f};

template <int N>
float polynomial(const float (&coefficients)[N], float x) {
  float y = coefficients[0];
  for (int i = 1; i < N; ++i) y = std::fma(y, x, coefficients[i]);
  return y;
}

// Natural logarithm of a normal number.
float log_cephes(float value) {
  // value = 2^exponent * m, m in [sqrt(1/2), sqrt(2)), x = m - 1.
  const auto bits = std::bit_cast<std::uint32_t>(value);
  float exponent = static_cast<float>(static_cast<int>(bits >> 23) - 126);
  float x = std::bit_cast<float>((bits & 0x807fffffu) | 0x3f000000u);
  if (x < std::numbers::sqrt2_v<float> / 2) {
    exponent -= 1;
    x += x;
  }
  x -= 1;
  const float x2 = x * x;
  float y = polynomial(kLog, x) * x;
  y = std::fma(y, x2, exponent * kLn2Low);
  y = std::fma(x2, -0.5f, y);
  return std::fma(exponent, kLn2High, x + y);
}

struct SinCos {
  float sin, cos;
};

// For angles in [0, 8192).
SinCos sin_cos_cephes(float angle) {
  // The nearest even multiple of pi / 4 below or above, and what is left: |x| <= pi / 4.
  const int octant = (static_cast<int>(angle * static_cast<float>(4 / std::numbers::pi)) + 1) & ~1;
  float x = angle;
  for (const float part : kQuarterPi) x = std::fma(static_cast<float>(octant), -part, x);
  const float x2 = x * x;
  const float cosine = std::fma(polynomial(kCos, x2) * x2, x2, -0.5f * x2) + 1;
  const float sine = std::fma(polynomial(kSin, x2) * x2, x, x);

  const bool swapped = (octant & 2) != 0;
  const bool sin_negative = (octant & 4) != 0;
  const bool cos_negative = ((octant + 2) & 4) != 0;
  const float s = swapped ? cosine : sine, c = swapped ? sine : cosine;
  return {sin_negative ? -s : s, cos_negative ? -c : c};
}

}  // namespace

void box_muller_16(std::span<float, 16> block) {
  constexpr float kTwoPi = 2 * std::numbers::pi;
  for (int j = 0; j < 8; ++j) {
    const float radius = std::sqrt(-2 * log_cephes(1 - block[j]));
    const SinCos angle = sin_cos_cephes(kTwoPi * block[j + 8]);
    // Torch adds the mean, 0: no negative zeros.
    block[j] = radius * angle.cos + 0.0f;
    block[j + 8] = radius * angle.sin + 0.0f;
  }
}

}  // namespace sd35
