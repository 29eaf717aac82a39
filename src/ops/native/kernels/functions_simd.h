// Exponentials and activations on vectors. The polynomials are least-maximum fits of the relative error, made
// for this file; the bounds are those of the fit and the roundings together, as the tests check them.
#pragma once

#include "ops/native/kernels/simd.h"

namespace sd35::kernels {
namespace {

// Adding this rounds |x| < 2^22 to a whole number n, and leaves n + 127 in the low bits: 2^n's exponent.
constexpr float kRounder = 12582912.0f + 127.0f;  // 1.5 * 2^23

// 2^n, -126 <= n <= 127, of x + kRounder rounded to n.
SD35_INLINE Vec power_of_two(Vec rounded) {
  return reinterpret_cast<Vec>(reinterpret_cast<BitVec>(rounded) << 23);
}

// 2^r of |r| <= 0.5, to 2e-9 before rounding.
SD35_INLINE Vec small_exp2(Vec r) {
  Vec p = splat(1.5345811885902568e-4f);
  p = p * r + 1.3399931932217892e-3f;
  p = p * r + 9.618488957529325e-3f;
  p = p * r + 5.5503287769686875e-2f;
  p = p * r + 2.4022646890630484e-1f;
  p = p * r + 6.931472057372638e-1f;
  return p * r + 1.0f;
}

// The same to 8e-5, for results that are rounded to bf16.
SD35_INLINE Vec rough_small_exp2(Vec r) {
  Vec p = splat(5.51716685295105e-2f);
  p = p * r + 2.426111251115799e-1f;
  p = p * r + 6.932609677314758e-1f;
  return p * r + 9.999280571937561e-1f;
}

// e^x to 2e-7, of x held within [-87, 88]; NaN stays NaN.
SD35_INLINE Vec exp_of(Vec x) {
  x = bounded(x, -87.0f, 88.0f);
  const Vec rounded = x * 1.44269504f + kRounder, n = rounded - kRounder;
  const Vec r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts, the first of 9 bits
  Vec p = splat(1.3836837971546757e-3f);
  p = p * r + 8.37482209167746e-3f;
  p = p * r + 4.166822604544818e-2f;
  p = p * r + 1.666642009532351e-1f;
  p = p * r + 4.9999992076198335e-1f;
  p = p * r + 1.0f;
  return (p * r + 1.0f) * power_of_two(rounded);
}

// 1 / (1 + e^-(high + low)), where low is what rounding took from high: without it the result would lose a
// digit where high is 10.
SD35_INLINE Vec sigmoid(Vec high, Vec low) {
  const Vec e = exp_of(-high);
  return 1.0f / (1.0f + (e - e * low));
}

// 1 / (1 + 2^-x) to 2e-4, for results that are rounded to bf16.
SD35_INLINE Vec rough_sigmoid2(Vec x) {
  x = bounded(-x, -126.0f, 126.0f);
  const Vec rounded = x + kRounder;
  return rough_reciprocal(1.0f + rough_small_exp2(x - (rounded - kRounder)) * power_of_two(rounded));
}
constexpr float kLog2E = 1.44269504f;

// Phi(x), the normal distribution function. The tail Phi(-|x|) = e^(-x^2/2) m(|x|) with Mills' ratio m as a
// polynomial in t = 1 / (1 + 0.35 |x|), so that it keeps its digits where it is small.
template <bool exact>
SD35_INLINE Vec normal_distribution(Vec x) {
  const Vec magnitude = bounded(x < 0.0f ? -x : x, 0.0f, 13.4f);
  const Vec square = magnitude * magnitude;
  Vec e = exp_of(-0.5f * square);
  if constexpr (exact) e = e - e * (0.5f * error_of_product(magnitude, magnitude, square));
  const Vec t = 1.0f / (1.0f + 0.35f * magnitude);
  Vec m = splat(-0.02912070575519267f);
  m = m * t + 0.14384663561341862f;
  m = m * t - 0.25545053699097475f;
  m = m * t + 0.1588661221465579f;
  m = m * t - 0.02289252518690122f;
  m = m * t + 0.10541351248763899f;
  m = m * t + 0.11985751090862205f;
  m = m * t + 0.13985835797908613f;
  m = m * t + 0.13962161293439626f;
  const Vec tail = e * (m * t);
  return x < 0.0f ? tail : 1.0f - tail;
}

template <bool exact>
SD35_INLINE Vec gelu(Vec x) {
  return x * normal_distribution<exact>(x);
}

// 0.5 x (1 + tanh(u)) = x sigmoid(2 u), 2 u = x (c1 + c2 x^2).
template <bool exact>
SD35_INLINE Vec gelu_tanh(Vec x) {
  constexpr double c1 = 1.5957691216057308,
                   c2 = 0.07135481627159675;  // sqrt(8 / pi), and that times 0.044715
  constexpr float f1 = static_cast<float>(c1), f2 = static_cast<float>(c2);
  const Vec v = bounded(x, -15.0f, 15.0f);
  if constexpr (!exact) return x * rough_sigmoid2(v * (f1 * kLog2E + f2 * kLog2E * (v * v)));
  const Vec square = v * v, scaled = f2 * square, factor = f1 + scaled, high = v * factor;
  const Vec lost_square = error_of_product(v, v, square),
            lost_scaled = error_of_product(splat(f2), square, scaled);
  const Vec lost_sum = scaled > f1 ? f1 - (factor - scaled) : scaled - (factor - f1);
  const Vec low_factor = lost_sum + lost_scaled + f2 * lost_square + static_cast<float>(c1 - f1) +
                         static_cast<float>(c2 - f2) * square;
  return x * sigmoid(high, error_of_product(v, factor, high) + v * low_factor);
}

template <bool exact>
SD35_INLINE Vec quick_gelu(Vec x) {
  constexpr double c = 1.702;
  constexpr float f = static_cast<float>(c);
  if constexpr (!exact) return x * rough_sigmoid2(f * kLog2E * x);
  const Vec v = bounded(x, -60.0f, 60.0f), high = f * v;
  return x * sigmoid(high, error_of_product(splat(f), v, high) + static_cast<float>(c - f) * v);
}

// f(x) for results of type Y.
template <Function F, Element Y>
SD35_INLINE Vec apply(Vec x) {
  constexpr bool exact = Y == Element::f32;
  if constexpr (F == Function::silu) return x * (exact ? sigmoid(x, Vec{}) : rough_sigmoid2(kLog2E * x));
  if constexpr (F == Function::gelu) return gelu<exact>(x);
  if constexpr (F == Function::gelu_tanh) return gelu_tanh<exact>(x);
  if constexpr (F == Function::quick_gelu) return quick_gelu<exact>(x);
  if constexpr (F == Function::relu) return x < 0.0f ? Vec{} : x;  // keeps NaN
  return x;
}

// f'(x)
template <Function F>
SD35_INLINE Vec derivative(Vec x) {
  constexpr float c1 = 1.5957691216f, c2 = 0.0713548163f;  // as in gelu_tanh
  constexpr float density = 0.3989422804f;                 // 1 / sqrt(2 pi)
  // (x s(u))' = s + x s (1 - s) u' for the sigmoid s
  const auto of_sigmoid = [](Vec at, Vec u, Vec slope) {
    const Vec s = sigmoid(u, Vec{});
    return s + at * s * (1.0f - s) * slope;
  };
  if constexpr (F == Function::silu) return of_sigmoid(x, x, splat(1.0f));
  if constexpr (F == Function::gelu)
    return normal_distribution<true>(x) + density * x * exp_of(-0.5f * x * x);
  if constexpr (F == Function::gelu_tanh) {
    const Vec v = bounded(x, -15.0f, 15.0f), square = v * v;
    return of_sigmoid(v, v * (c1 + c2 * square), c1 + 3.0f * c2 * square);
  }
  if constexpr (F == Function::quick_gelu) {
    const Vec v = bounded(x, -60.0f, 60.0f);
    return of_sigmoid(v, 1.702f * v, splat(1.702f));
  }
  if constexpr (F == Function::relu) return x > 0.0f ? splat(1.0f) : Vec{};
  return splat(1.0f);
}

}  // namespace
}  // namespace sd35::kernels
