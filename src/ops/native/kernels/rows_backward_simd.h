// The backward passes of the row kernels; see rows.h. Included by isa_*.cc.
#pragma once

#include "ops/native/kernels/rows_simd.h"

namespace sd35::kernels {
namespace {

SD35_INLINE void add_to(float* sums, std::int64_t i, Vec v, auto lanes) {
  store<Element::f32>(sums, i, load<Element::f32>(sums, i, lanes) + v, lanes);
}

// With n = (x - mean) * inverse and g = dy * (weight + offset): dx = inverse (g - mean(g) - n mean(g n)).
void layer_norm_backward(In x, In dy, Out dx, std::int64_t rows, std::int64_t width, const float* weight,
                         float weight_offset, float eps, float* dweight, float* dbias) {
  const float share = 1.0f / static_cast<float>(width);
  with_types(x.type, dy.type, [&]<Element X, Element Y>() {
    with_types(dx.type, [&]<Element D>() {
      for (std::int64_t first = 0; first < rows * width; first += width) {
        Vec sum = {}, squares = {};
        for_vectors(width, [&](std::int64_t i, auto lanes) { sum += load<X>(x.data, first + i, lanes); });
        const float mean = sum_of(sum) * share;
        for_vectors(width, [&](std::int64_t i, auto lanes) {
          const Vec d = (load<X>(x.data, first + i, lanes) - mean) * lanes_of(lanes);
          squares += d * d;
        });
        const float inverse = 1.0f / __builtin_sqrtf(sum_of(squares) * share + eps);
        const auto normed = [&](std::int64_t i, auto lanes) {
          return (load<X>(x.data, first + i, lanes) - mean) * inverse;
        };
        const auto scaled = [&](std::int64_t i, auto lanes) {
          const Vec g = load<Y>(dy.data, first + i, lanes);
          return weight == nullptr ? g : g * (load<Element::f32>(weight, i, lanes) + weight_offset);
        };
        Vec g_sum = {}, along = {};
        for_vectors(width, [&](std::int64_t i, auto lanes) {
          const Vec n = normed(i, lanes), g = scaled(i, lanes);
          g_sum += g;
          along += g * n;
          if (dweight != nullptr) add_to(dweight, i, load<Y>(dy.data, first + i, lanes) * n, lanes);
          if (dbias != nullptr) add_to(dbias, i, load<Y>(dy.data, first + i, lanes), lanes);
        });
        const float g_mean = sum_of(g_sum) * share, along_mean = sum_of(along) * share;
        for_vectors(width, [&](std::int64_t i, auto lanes) {
          store<D>(dx.data, first + i, inverse * (scaled(i, lanes) - g_mean - normed(i, lanes) * along_mean),
                   lanes);
        });
      }
    });
  });
}

// With n = x * inverse and g = dy * weight: dx = inverse (g - n mean(g n)).
void rms_norm_backward(In x, In dy, Out dx, std::int64_t rows, std::int64_t width, const float* weight,
                       float eps, float* dweight) {
  const float share = 1.0f / static_cast<float>(width);
  with_types(x.type, dy.type, [&]<Element X, Element Y>() {
    with_types(dx.type, [&]<Element D>() {
      for (std::int64_t first = 0; first < rows * width; first += width) {
        Vec squares = {}, along = {};
        const auto scaled = [&](std::int64_t i, auto lanes) {
          const Vec g = load<Y>(dy.data, first + i, lanes);
          return weight == nullptr ? g : g * load<Element::f32>(weight, i, lanes);
        };
        for_vectors(width, [&](std::int64_t i, auto lanes) {
          const Vec v = load<X>(x.data, first + i, lanes);
          squares += v * v;
          along += scaled(i, lanes) * v;
        });
        const float inverse = 1.0f / __builtin_sqrtf(sum_of(squares) * share + eps);
        const float along_mean = sum_of(along) * inverse * share;
        for_vectors(width, [&](std::int64_t i, auto lanes) {
          const Vec n = load<X>(x.data, first + i, lanes) * inverse;
          if (dweight != nullptr) add_to(dweight, i, load<Y>(dy.data, first + i, lanes) * n, lanes);
          store<D>(dx.data, first + i, inverse * (scaled(i, lanes) - n * along_mean), lanes);
        });
      }
    });
  });
}

void gated_add_backward(In y, In dsum, Out dy, std::int64_t rows, std::int64_t width, const float* gate,
                        float* dgate) {
  with_types(y.type, dsum.type, [&]<Element Y, Element S>() {
    with_types(dy.type, [&]<Element D>() {
      for (std::int64_t first = 0; first < rows * width; first += width)
        for_vectors(width, [&](std::int64_t i, auto lanes) {
          const Vec g = load<S>(dsum.data, first + i, lanes);
          if (dgate != nullptr) add_to(dgate, i, g * load<Y>(y.data, first + i, lanes), lanes);
          store<D>(dy.data, first + i, gate == nullptr ? g : g * load<Element::f32>(gate, i, lanes), lanes);
        });
    });
  });
}

void activate_backward(In x, In dy, Out dx, std::int64_t count, Function f) {
  with_types(x.type, dy.type, [&]<Element X, Element Y>() {
    with_types(dx.type, [&]<Element D>() {
      with_function(f, [&]<Function F>() {
        for_vectors(count, [&](std::int64_t i, auto lanes) {
          store<D>(dx.data, i, derivative<F>(load<X>(x.data, i, lanes)) * load<Y>(dy.data, i, lanes), lanes);
        });
      });
    });
  });
}

}  // namespace
}  // namespace sd35::kernels
