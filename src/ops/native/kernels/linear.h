// y = f(x W^T + b), a panel of output features at a time. A panel holds its weights unit by unit along the
// inner dimension: a unit is 4 bytes of a row of x and of every feature of the panel, one f32 number, two of
// bf16 or of 16-bit integers, or four of 8 bits.
#pragma once

#include <cstdint>

#include "ops/native/kernels/rows.h"

namespace sd35::kernels {

// Rows of x times one panel.
struct PanelTask {
  const void* x = nullptr;  // units
  std::int64_t x_stride = 0;
  std::int64_t rows = 0;
  const void* panel = nullptr;
  std::int64_t units = 0;  // of a row
  Out y{};                 // the panel's first feature in the first row
  std::int64_t y_stride = 0;
  std::int64_t features = 0;    // that exist; the rest of the panel is not written
  const float* bias = nullptr;  // [features], or null
  Function function = Function::identity;
  bool accumulate = false;  // y = f(... + y)
  // Of integers: y = f((sum - correction) * row_scale * feature_scale + b).
  const float* row_scales = nullptr;          // [rows]
  const float* feature_scales = nullptr;      // [panel]
  const std::int32_t* corrections = nullptr;  // [panel]
  void* group = nullptr;                      // scratch: a group of rows
};

// Weights in 4 bits, panel by panel: byte [t][feature] holds elements 2 t (upper half) and 2 t + 1.
struct FourBitTask {
  const std::uint8_t* bytes = nullptr;
  const float* code = nullptr;    // [16]
  const float* scales = nullptr;  // [in / block][panel]
  std::int64_t block = 0;         // elements along a row that share a scale
  std::int64_t in = 0;
};

// Products with weights that are unpacked to floats. `in` is rounded up to whole units, features that do not
// exist to the end of the panel, both with zeros.
struct FloatLinearKernels {
  std::int64_t panel;  // features
  std::int64_t group;  // rows multiplied together
  std::int64_t unit;   // elements
  void (*multiply)(const PanelTask& task);
  // Panel of rows [features, in] f32.
  void (*pack)(const float* rows, std::int64_t features, std::int64_t in, void* panel);
  void (*unpack_four_bit)(const FourBitTask& task, void* panel);
};

// Products of 8-bit integers. A level without instructions for them multiplies in 16 bits.
struct IntegerLinearKernels {
  std::int64_t panel;
  std::int64_t group;
  std::int64_t unit;
  // Of x: each row symmetric around `offset`, with its own scale. `q` begins a row every `units` units.
  void (*quantize)(In x, std::int64_t rows, std::int64_t width, void* q, std::int64_t units, float* scales);
  std::int32_t offset;
  void (*multiply)(const PanelTask& task);
  // Whether a panel of 8-bit weights [units][panel][unit] must be widened before it is multiplied with.
  bool wide;
  void (*widen)(const std::int8_t* weights, std::int64_t units, void* panel);
};

struct LinearKernels {
  FloatLinearKernels f32;
  const FloatLinearKernels* bf16;  // null where the level has no bf16 products
  IntegerLinearKernels int8;
};

const LinearKernels& linear_kernels();

}  // namespace sd35::kernels
