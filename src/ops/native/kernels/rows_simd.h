// The row kernels of one level of instructions; see rows.h. Included by isa_*.cc.
#pragma once

#include <type_traits>

#include "ops/native/kernels/functions_simd.h"

namespace sd35::kernels {
namespace {

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
    case Function::relu:
      return body.template operator()<Function::relu>();
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
      const float inverse = 1.0f / __builtin_sqrtf(sum_of(squares) / static_cast<float>(width) + eps);
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
      const float inverse = 1.0f / __builtin_sqrtf(sum_of(squares) / static_cast<float>(width) + eps);
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
        store<Y>(y.data, i, apply<F, Y>(load<X>(x.data, i, lanes)), lanes);
      });
    });
  });
}

void gated_activate(In gate, In x, Out y, std::int64_t count, Function f) {
  with_types(gate.type, x.type, [&]<Element G, Element X>() {
    with_types(y.type, [&]<Element Y>() {
      with_function(f, [&]<Function F>() {
        for_vectors(count, [&](std::int64_t i, auto lanes) {
          store<Y>(y.data, i, apply<F, Y>(load<G>(gate.data, i, lanes)) * load<X>(x.data, i, lanes), lanes);
        });
      });
    });
  });
}

// Adds up `vectors` vectors of channels from channel c on, over pixels [begin, end).
template <Element X, int vectors, class Lanes>
SD35_INLINE void add_channels(In x, std::int64_t begin, std::int64_t end, std::int64_t channels,
                              const float* pivot, std::int64_t c, Lanes lanes, double* sums,
                              double* squares) {
  Vec around[vectors], sum[vectors] = {}, square[vectors] = {};
  for (int v = 0; v < vectors; ++v) around[v] = load<Element::f32>(pivot, c + v * kLanes, lanes);
  for (std::int64_t p = begin; p < end; ++p)
    for (int v = 0; v < vectors; ++v) {
      const Vec d = load<X>(x.data, p * channels + c + v * kLanes, lanes) - around[v];
      sum[v] += d;
      square[v] += d * d;
    }
  for (int v = 0; v < vectors; ++v)
    for (int i = 0; i < kLanes && c + v * kLanes + i < channels; ++i) {
      sums[c + v * kLanes + i] += sum[v][i];
      squares[c + v * kLanes + i] += square[v][i];
    }
}

void channel_sums(In x, std::int64_t pixels, std::int64_t channels, const float* pivot, double* sums,
                  double* squares) {
  constexpr std::int64_t run = 64;  // f32 within a short run of pixels, f64 from run to run
  constexpr int together = 4;       // vectors read at a time, because memory is read faster in order
  with_types(x.type, [&]<Element X>() {
    for (std::int64_t begin = 0; begin < pixels; begin += run) {
      const std::int64_t end = begin + run < pixels ? begin + run : pixels;
      std::int64_t c = 0;
      for (; c + together * kLanes <= channels; c += together * kLanes)
        add_channels<X, together>(x, begin, end, channels, pivot, c, Full{}, sums, squares);
      for (; c + kLanes <= channels; c += kLanes)
        add_channels<X, 1>(x, begin, end, channels, pivot, c, Full{}, sums, squares);
      if (c < channels)
        add_channels<X, 1>(x, begin, end, channels, pivot, c, Part{channels - c}, sums, squares);
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
          store<Y>(y.data, p * channels + c, apply<F, Y>(v), lanes);
        });
    });
  });
}

void convert(In x, Out y, std::int64_t count) { activate(x, y, count, Function::identity); }

// An IEEE binary16 number in the low half of each lane.
SD35_INLINE Vec from_f16(BitVec half) {
  constexpr std::uint32_t exponents = 0x0f800000u;
  const BitVec magnitude = (half & 0x7fffu) << 13, exponent = magnitude & exponents;
  const Vec normal = reinterpret_cast<Vec>(magnitude + (112u << 23));
  const Vec subnormal = reinterpret_cast<Vec>(magnitude + (113u << 23)) - 0x1p-14f;
  const Vec special = reinterpret_cast<Vec>(magnitude + (224u << 23));
  const Vec v = exponent == 0u ? subnormal : (exponent == exponents ? special : normal);
  return reinterpret_cast<Vec>(reinterpret_cast<BitVec>(v) | (half & 0x8000u) << 16);
}

// e5m2 is the upper byte of an f16; e4m3 has the f16's layout one bit further down, with another exponent
// bias.
template <Stored S>
SD35_INLINE Vec from_stored(BitVec bits) {
  if constexpr (S == Stored::f16) return from_f16(bits);
  if constexpr (S == Stored::f8_e5m2) return from_f16(bits << 8);
  const BitVec magnitude = bits & 0x7fu;
  const Vec v = from_f16((magnitude << 7) | (bits & 0x80u) << 8) * 256.0f;
  return magnitude == 0x7fu ? splat(__builtin_nanf("")) : v;
}

template <Stored S>
SD35_INLINE Vec load_stored(const void* data, std::int64_t i, std::int64_t count) {
  using Bits = std::conditional_t<S == Stored::f16, std::uint16_t, std::uint8_t>;
  typedef Bits BitsVec __attribute__((vector_size(kLanes * sizeof(Bits))));
  BitsVec bits = {};
  std::memcpy(&bits, static_cast<const Bits*>(data) + i, static_cast<std::size_t>(count) * sizeof(Bits));
  // By way of 16 bits: GCC 12 breaks the single step from 8 to 32 up into single lanes.
  typedef std::uint16_t Doubled __attribute__((vector_size(2 * kLanes)));
  return from_stored<S>(__builtin_convertvector(__builtin_convertvector(bits, Doubled), BitVec));
}

SD35_INLINE std::int64_t count_of(Full) { return kLanes; }
SD35_INLINE std::int64_t count_of(Part part) { return part.count; }

void widen_stored(const void* x, Stored type, Out y, std::int64_t count) {
  with_types(y.type, [&]<Element Y>() {
    const auto all = [&]<Stored S>() {
      for_vectors(count, [&](std::int64_t i, auto lanes) {
        store<Y>(y.data, i, load_stored<S>(x, i, count_of(lanes)), lanes);
      });
    };
    switch (type) {
      case Stored::f16:
        return all.template operator()<Stored::f16>();
      case Stored::f8_e4m3:
        return all.template operator()<Stored::f8_e4m3>();
      case Stored::f8_e5m2:
        return all.template operator()<Stored::f8_e5m2>();
    }
  });
}

}  // namespace
}  // namespace sd35::kernels
