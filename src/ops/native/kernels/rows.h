// Kernels over rows of f32 or bf16 elements; mathematics in f32. They know nothing of tensors and run on the
// calling thread: the caller deals the rows out to threads. A NaN in the input reaches the output.
#pragma once

#include <cstdint>

namespace sd35::kernels {

enum class Element : std::uint8_t { f32, bf16 };

// What weights may also be stored as; the formats are those of core/dtype.h.
enum class Stored : std::uint8_t { f16, f8_e4m3, f8_e5m2 };

enum class Function : std::uint8_t { identity, silu, gelu, gelu_tanh, quick_gelu, relu };

// Elements in memory, read only or written.
struct In {
  const void* data;
  Element type;
};
struct Out {
  void* data;
  Element type;
};

// One level of instructions' worth of kernels; row_kernels() gives the best this CPU runs.
struct RowKernels {
  // y = (x - mean) / sqrt(var + eps) * (weight + weight_offset) + bias for `rows` rows of `width`; weight and
  // bias [width], or null for 1 and 0.
  void (*layer_norm)(In x, Out y, std::int64_t rows, std::int64_t width, const float* weight,
                     float weight_offset, const float* bias, float eps);
  // y = x / sqrt(mean(x^2) + eps) * weight; weight [width] or null.
  void (*rms_norm)(In x, Out y, std::int64_t rows, std::int64_t width, const float* weight, float eps);
  // x += gate * y; gate [width], or null for 1.
  void (*gated_add)(Out x, In y, std::int64_t rows, std::int64_t width, const float* gate);
  // y = f(x)
  void (*activate)(In x, Out y, std::int64_t count, Function f);
  // y = f(gate) * x
  void (*gated_activate)(In gate, In x, Out y, std::int64_t count, Function f);
  // Adds the sums of x - pivot and of (x - pivot)^2 of each of `channels` over `pixels` rows to
  // sums[channels] and squares[channels].
  void (*channel_sums)(In x, std::int64_t pixels, std::int64_t channels, const float* pivot, double* sums,
                       double* squares);
  // y = f(x * scale + shift) with a scale and a shift per channel.
  void (*scale_shift)(In x, Out y, std::int64_t pixels, std::int64_t channels, const float* scale,
                      const float* shift, Function f);
  void (*convert)(In x, Out y, std::int64_t count);
  // The same from `count` elements of a storage type.
  void (*widen)(const void* x, Stored type, Out y, std::int64_t count);

  // Backward passes, with dx and dy the gradients of a loss by x and y. Where a gradient by a vector is asked
  // for (not null), the sum over the rows is added to it.
  void (*layer_norm_backward)(In x, In dy, Out dx, std::int64_t rows, std::int64_t width, const float* weight,
                              float weight_offset, float eps, float* dweight, float* dbias);
  void (*rms_norm_backward)(In x, In dy, Out dx, std::int64_t rows, std::int64_t width, const float* weight,
                            float eps, float* dweight);
  // Of sum = x + gate * y: dy = gate * dsum, dgate += y * dsum.
  void (*gated_add_backward)(In y, In dsum, Out dy, std::int64_t rows, std::int64_t width, const float* gate,
                             float* dgate);
  // dx = f'(x) * dy
  void (*activate_backward)(In x, In dy, Out dx, std::int64_t count, Function f);
};

const RowKernels& row_kernels();

}  // namespace sd35::kernels
