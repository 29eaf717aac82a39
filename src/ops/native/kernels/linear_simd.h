// The kernels of linear layers of one level of instructions; see linear.h. Included by isa_*.cc.
#pragma once

#include "ops/native/kernels/four_bit_simd.h"
#include "ops/native/kernels/integer_units_simd.h"
#include "ops/native/kernels/linear.h"
#include "ops/native/kernels/rows_simd.h"

namespace sd35::kernels {
namespace {

// From the sums of a group of rows to the result.
template <class Unit, Function F, Element Y>
void finish(const PanelTask& task, const float* sums, std::int64_t first_row, std::int64_t rows) {
  for (std::int64_t m = 0; m < rows; ++m) {
    const std::int64_t row = first_row + m;
    for_vectors(task.features, [&](std::int64_t i, auto lanes) {
      Vec v = load<Element::f32>(sums, m * kPanel + i, Full{});
      if constexpr (Unit::integer) {
        IntVec correction;
        std::memcpy(&correction, task.corrections + i, sizeof(correction));
        v = __builtin_convertvector(reinterpret_cast<IntVec>(v) - correction, Vec);
        v = v * (load<Element::f32>(task.feature_scales, i, Full{}) * task.row_scales[row]);
      }
      if (task.bias != nullptr) v = v + load<Element::f32>(task.bias, i, lanes);
      if (task.accumulate) v = v + load<Y>(task.y.data, row * task.y_stride + i, lanes);
      store<Y>(task.y.data, row * task.y_stride + i, apply<F, Y>(v), lanes);
    });
  }
}

// Rows that are multiplied with a part of a panel before the next part is fetched. The part fits a level-2
// cache beside them; a whole panel of a wide layer does not.
constexpr std::int64_t kTurnRows = 8 * kRows;
constexpr std::int64_t kPartUnits = (std::int64_t{256} << 10) / (kPanel * 4);

// Adds the products of some units of a group of rows to its `sums`.
template <class Unit>
void multiply_group(const PanelTask& task, std::int64_t row, std::int64_t first_unit, std::int64_t units,
                    float* sums) {
  using Type = typename Unit::Type;
  const auto* x = static_cast<const Type*>(task.x) + row * task.x_stride + first_unit;
  std::int64_t stride = task.x_stride;
  const std::int64_t rows = task.rows - row;
  if (rows < kRows) {  // the last group is filled up
    auto* group = static_cast<Type*>(task.group);
    std::memset(group, 0, static_cast<std::size_t>(kRows * units) * sizeof(Type));
    for (std::int64_t m = 0; m < rows; ++m)
      std::memcpy(group + m * units, x + m * stride, static_cast<std::size_t>(units) * sizeof(Type));
    x = group;
    stride = units;
  }
  // Of their own type: copies between registers of floats and of integers would cost more than the products.
  std::conditional_t<Unit::integer, IntVec, Vec> tile[kRows][kVectors];
  for (int m = 0; m < kRows; ++m)
    for (int v = 0; v < kVectors; ++v)
      std::memcpy(&tile[m][v], sums + m * kPanel + v * kLanes, sizeof(tile[m][v]));
  multiply<Unit>(tile, x, stride, static_cast<const Type*>(task.panel) + first_unit * kPanel, units);
  for (int m = 0; m < kRows; ++m)
    for (int v = 0; v < kVectors; ++v)
      std::memcpy(sums + m * kPanel + v * kLanes, &tile[m][v], sizeof(tile[m][v]));
}

// Prefetches the part of the result that a turn adds to while the turn's products are still to be done: the
// rows lie too far apart for the processor to predict.
inline void prefetch_result(const PanelTask& task, std::int64_t first_row, std::int64_t rows) {
  constexpr std::int64_t kLine = 64;
  const std::int64_t size = task.y.type == Element::f32 ? 4 : 2, bytes = task.features * size;
  const auto* row = static_cast<const std::byte*>(task.y.data) + first_row * task.y_stride * size;
  for (std::int64_t m = 0; m < rows; ++m, row += task.y_stride * size)
    for (std::int64_t i = 0; i < bytes; i += kLine) __builtin_prefetch(row + i, 1);
}

template <class Unit>
void multiply_panel(const PanelTask& task) {
  alignas(64) float sums[kTurnRows * kPanel];
  for (std::int64_t row = 0; row < task.rows; row += kTurnRows) {
    const std::int64_t left = task.rows - row, rows = left < kTurnRows ? left : kTurnRows;
    std::memset(sums, 0, static_cast<std::size_t>(round_up(rows, kRows) * kPanel) * sizeof(float));
    if (task.accumulate) prefetch_result(task, row, rows);
    for (std::int64_t unit = 0; unit < task.units; unit += kPartUnits) {
      const std::int64_t rest = task.units - unit, units = rest < kPartUnits ? rest : kPartUnits;
      for (std::int64_t m = 0; m < rows; m += kRows)
        multiply_group<Unit>(task, row + m, unit, units, sums + m * kPanel);
    }
    with_types(task.y.type, [&]<Element Y>() {
      with_function(task.function, [&]<Function F>() { finish<Unit, F, Y>(task, sums, row, rows); });
    });
  }
}

// Writes two neighbours along the inner dimension, a and b, of kLanes features from `column` on.
SD35_INLINE void store_pair(F32Unit, void* panel, std::int64_t inner, std::int64_t column, Vec a, Vec b) {
  store<Element::f32>(panel, inner * kPanel + column, a, Full{});
  store<Element::f32>(panel, (inner + 1) * kPanel + column, b, Full{});
}
#if defined(__AVX512BF16__)
SD35_INLINE void store_pair(Bf16Unit, void* panel, std::int64_t inner, std::int64_t column, Vec a, Vec b) {
  const BitVec both =
      __builtin_convertvector(narrow(a), BitVec) | (__builtin_convertvector(narrow(b), BitVec) << 16);
  std::memcpy(static_cast<std::uint32_t*>(panel) + inner / 2 * kPanel + column, &both, sizeof(both));
}
#endif

template <class Unit>
void pack_panel(const float* rows, std::int64_t features, std::int64_t in, void* panel) {
  for (std::int64_t column = 0; column < kPanel; column += kLanes)
    for (std::int64_t k = 0; k < in; k += kLanes) {
      const std::int64_t left = in - k;
      Vec tile[kLanes];
      for (std::int64_t i = 0; i < kLanes; ++i) {
        const std::int64_t first = (column + i) * in + k;
        if (column + i >= features)
          tile[i] = Vec{};
        else
          tile[i] = left < kLanes ? load<Element::f32>(rows, first, Part{left})
                                  : load<Element::f32>(rows, first, Full{});
      }
      transpose(tile);
      for (std::int64_t i = 0; i < kLanes && i < left; i += 2)
        store_pair(Unit{}, panel, k + i, column, tile[i], tile[i + 1]);
    }
}

template <class Unit>
void unpack_four_bit(const FourBitTask& task, void* panel) {
  const CodeTable table(task.code);
  for (std::int64_t k = 0; k < task.in; k += 2) {
    const float* scales = task.scales + k / task.block * kPanel;
    for (std::int64_t column = 0; column < kPanel; column += kLanes) {
      const IntVec codes = load_bytes(task.bytes + k / 2 * kPanel + column);
      const Vec scale = load<Element::f32>(scales, column, Full{});
      store_pair(Unit{}, panel, k, column, table[codes >> 4] * scale, table[codes & 15] * scale);
    }
  }
}

template <class Unit>
constexpr FloatLinearKernels float_linear_kernels_of() {
  return {kPanel, kRows, Unit::elements, multiply_panel<Unit>, pack_panel<Unit>, unpack_four_bit<Unit>};
}

template <class Unit>
constexpr IntegerLinearKernels integer_linear_kernels_of() {
  return {kPanel,         kRows,
          Unit::elements, quantize_rows<Unit>,
          Unit::offset,   multiply_panel<Unit>,
          Unit::wide,     widen_panel<Unit>};
}

}  // namespace
}  // namespace sd35::kernels
