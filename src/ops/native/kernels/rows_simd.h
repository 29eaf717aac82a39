// The row kernels of one level of instructions; see rows.h. Included by isa_*.cc.
#pragma once

#include <cmath>

#include "ops/native/kernels/simd.h"

namespace sd35::kernels {
namespace {

SD35_INLINE Vec sigmoid(Vec x) { return 1.0f / (1.0f + exp_of(-x)); }

// erf within 1.5e-7 (Abramowitz and Stegun 7.1.26).
SD35_INLINE Vec erf_of(Vec x) {
  const Vec magnitude = x < 0.0f ? -x : x;
  const Vec t = 1.0f / (1.0f + 0.3275911f * magnitude);
  Vec p = splat(1.061405429f);
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const Vec y = 1.0f - p * t * exp_of(-magnitude * magnitude);
  return x < 0.0f ? -y : y;
}

template <Function F>
SD35_INLINE Vec apply(Vec x) {
  if constexpr (F == Function::silu) return x * sigmoid(x);
  if constexpr (F == Function::quick_gelu) return x * sigmoid(1.702f * x);
  if constexpr (F == Function::gelu) return 0.5f * x * (1.0f + erf_of(x * 0.707106781f));
  // (1 + tanh(u)) / 2 = sigmoid(2 u)
  if constexpr (F == Function::gelu_tanh) return x * sigmoid(1.59576912f * (x + 0.044715f * x * x * x));
  return x;
}

// Calls body.template operator()<A>() ... with the element types as constants.
template <class Body>
SD35_INLINE void with_types(Element a, Body body) {
  if (a == Element::f32) return body.template operator()<Element::f32>();
  body.template operator()<Element::bf16>();
}
template <class Body>
SD35_INLINE void with_types(Element a, Element b, Body body) {
  with_types(a, [&]<Element A>() { with_types(b, [&]<Element B>() { body.template operator()<A, B>(); }); });
}
template <class Body>
SD35_INLINE void with_function(Function f, Body body) {
  switch (f) {
    case Function::identity:
      return body.template operator()<Function::identity>();
    case Function::silu:
      return body.template operator()<Function::silu>();
    case Function::gelu:
      return body.template operator()<Function::gelu>();
    case Function::gelu_tanh:
      return body.template operator()<Function::gelu_tanh>();
    case Function::quick_gelu:
      return body.template operator()<Function::quick_gelu>();
  }
}

void layer_norm(In x, Out y, std::int64_t rows, std::int64_t width, const float* weight, float weight_offset,
                const float* bias, float eps) {
  with_types(x.type, y.type, [&]<Element X, Element Y>() {
    for (std::int64_t first = 0; first < rows * width; first += width) {
      Vec sum = {}, squares = {};
      for_vectors(width, [&](std::int64_t i, auto lanes) { sum += load<X>(x.data, first + i, lanes); });
      const float mean = sum_of(sum) / static_cast<float>(width);
      for_vectors(width, [&](std::int64_t i, auto lanes) {
        const Vec d = (load<X>(x.data, first + i, lanes) - mean) * lanes_of(lanes);
        squares += d * d;
      });
      const float inverse = 1.0f / std::sqrt(sum_of(squares) / static_cast<float>(width) + eps);
      for_vectors(width, [&](std::int64_t i, auto lanes) {
        Vec v = (load<X>(x.data, first + i, lanes) - mean) * inverse;
        if (weight != nullptr) v = v * (load<Element::f32>(weight, i, lanes) + weight_offset);
        if (bias != nullptr) v = v + load<Element::f32>(bias, i, lanes);
        store<Y>(y.data, first + i, v, lanes);
      });
    }
  });
}

void rms_norm(In x, Out y, std::int64_t rows, std::int64_t width, const float* weight, float eps) {
  with_types(x.type, y.type, [&]<Element X, Element Y>() {
    for (std::int64_t first = 0; first < rows * width; first += width) {
      Vec squares = {};
      for_vectors(width, [&](std::int64_t i, auto lanes) {
        const Vec v = load<X>(x.data, first + i, lanes);
        squares += v * v;
      });
      const float inverse = 1.0f / std::sqrt(sum_of(squares) / static_cast<float>(width) + eps);
      for_vectors(width, [&](std::int64_t i, auto lanes) {
        Vec v = load<X>(x.data, first + i, lanes) * inverse;
        if (weight != nullptr) v = v * load<Element::f32>(weight, i, lanes);
        store<Y>(y.data, first + i, v, lanes);
      });
    }
  });
}

void gated_add(Out x, In y, std::int64_t rows, std::int64_t width, const float* gate) {
  with_types(x.type, y.type, [&]<Element X, Element Y>() {
    for (std::int64_t first = 0; first < rows * width; first += width)
      for_vectors(width, [&](std::int64_t i, auto lanes) {
        Vec v = load<Y>(y.data, first + i, lanes);
        if (gate != nullptr) v = v * load<Element::f32>(gate, i, lanes);
        store<X>(x.data, first + i, load<X>(x.data, first + i, lanes) + v, lanes);
      });
  });
}

void activate(In x, Out y, std::int64_t count, Function f) {
  with_types(x.type, y.type, [&]<Element X, Element Y>() {
    with_function(f, [&]<Function F>() {
      for_vectors(count, [&](std::int64_t i, auto lanes) {
        store<Y>(y.data, i, apply<F>(load<X>(x.data, i, lanes)), lanes);
      });
    });
  });
}

void gated_activate(In gate, In x, Out y, std::int64_t count, Function f) {
  with_types(gate.type, x.type, [&]<Element G, Element X>() {
    with_types(y.type, [&]<Element Y>() {
      with_function(f, [&]<Function F>() {
        for_vectors(count, [&](std::int64_t i, auto lanes) {
          store<Y>(y.data, i, apply<F>(load<G>(gate.data, i, lanes)) * load<X>(x.data, i, lanes), lanes);
        });
      });
    });
  });
}

void channel_sums(In x, std::int64_t pixels, std::int64_t channels, const float* pivot, double* sums,
                  double* squares) {
  // f32 within a short run of pixels, f64 from run to run.
  constexpr std::int64_t run = 64;
  with_types(x.type, [&]<Element X>() {
    for (std::int64_t begin = 0; begin < pixels; begin += run) {
      const std::int64_t end = begin + run < pixels ? begin + run : pixels;
      for_vectors(channels, [&](std::int64_t c, auto lanes) {
        const Vec around = load<Element::f32>(pivot, c, lanes);
        Vec sum = {}, square = {};
        for (std::int64_t p = begin; p < end; ++p) {
          const Vec d = load<X>(x.data, p * channels + c, lanes) - around;
          sum += d;
          square += d * d;
        }
        for (std::int64_t i = 0; i < kLanes && c + i < channels; ++i) {
          sums[c + i] += sum[i];
          squares[c + i] += square[i];
        }
      });
    }
  });
}

void scale_shift(In x, Out y, std::int64_t pixels, std::int64_t channels, const float* scale,
                 const float* shift, Function f) {
  with_types(x.type, y.type, [&]<Element X, Element Y>() {
    with_function(f, [&]<Function F>() {
      for (std::int64_t p = 0; p < pixels; ++p)
        for_vectors(channels, [&](std::int64_t c, auto lanes) {
          const Vec v = load<X>(x.data, p * channels + c, lanes) * load<Element::f32>(scale, c, lanes) +
                        load<Element::f32>(shift, c, lanes);
          store<Y>(y.data, p * channels + c, apply<F>(v), lanes);
        });
    });
  });
}

void convert(In x, Out y, std::int64_t count) { activate(x, y, count, Function::identity); }

}  // namespace
}  // namespace sd35::kernels
