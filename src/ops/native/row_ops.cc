#include "ops/native/row_ops.h"

#include <algorithm>
#include <functional>

#include "core/threads.h"
#include "ops/checks.h"
#include "ops/native/elements.h"

namespace sd35::native {
namespace {

std::int64_t rows_of(const Tensor& x) { return x.numel() == 0 ? 0 : x.numel() / x.dim(-1); }

// Calls body(picture, first row, rows) for ranges of rows of x [B, T, D] that stay inside a picture.
void for_rows_of_pictures(
    const Tensor& x,
    const std::function<void(std::int64_t picture, std::int64_t first, std::int64_t rows)>& body) {
  const std::int64_t tokens = x.dim(1);
  parallel_for(rows_of(x), grain_rows(x.dim(2)), [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t picture = begin / tokens, stop = std::min(end, (picture + 1) * tokens);
      body(picture, begin, stop - begin);
      begin = stop;
    }
  });
}

}  // namespace

Tensor writable(Tensor x) { return x.unique() ? std::move(x) : x.clone(); }

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, float eps, DType result_type) {
  checks::last_dim("layer_norm", x, weight);
  checks::last_dim("layer_norm", x, bias);
  Tensor y(x.shape(), result_type);
  const float *scale = floats_or_null(weight), *shift = floats_or_null(bias);
  const std::int64_t width = x.dim(-1);
  parallel_for(rows_of(x), grain_rows(width), [&](std::int64_t begin, std::int64_t end) {
    kernels::row_kernels().layer_norm(read_from(x, begin * width), write_to(y, begin * width), end - begin,
                                      width, scale, 0.0f, shift, eps);
  });
  return y;
}

Tensor rms_norm(const Tensor& x, const Tensor& weight, float eps, DType result_type) {
  checks::last_dim("rms_norm", x, weight);
  Tensor y(x.shape(), result_type);
  const float* scale = floats_or_null(weight);
  const std::int64_t width = x.dim(-1);
  parallel_for(rows_of(x), grain_rows(width), [&](std::int64_t begin, std::int64_t end) {
    kernels::row_kernels().rms_norm(read_from(x, begin * width), write_to(y, begin * width), end - begin,
                                    width, scale, eps);
  });
  return y;
}

Tensor norm_modulate(const Tensor& x, const Tensor& shift, const Tensor& scale, float eps,
                     DType result_type) {
  checks::per_picture("norm_modulate", x, shift);
  checks::per_picture("norm_modulate", x, scale);
  Tensor y(x.shape(), result_type);
  const float *shifts = shift.data<float>(), *scales = scale.data<float>();
  const std::int64_t width = x.dim(2);
  for_rows_of_pictures(x, [&](std::int64_t picture, std::int64_t first, std::int64_t rows) {
    kernels::row_kernels().layer_norm(read_from(x, first * width), write_to(y, first * width), rows, width,
                                      scales + picture * width, 1.0f, shifts + picture * width, eps);
  });
  return y;
}

Tensor activate(const Tensor& x, Activation act, DType result_type) {
  Tensor y(x.shape(), result_type);
  const kernels::Function function = function_of(act);
  parallel_for(x.numel(), kGrainElements, [&](std::int64_t begin, std::int64_t end) {
    kernels::row_kernels().activate(read_from(x, begin), write_to(y, begin), end - begin, function);
  });
  return y;
}

Tensor gated_activate(const Tensor& gate, const Tensor& x, Activation act, DType result_type) {
  checks::same_shape("gated_activate", gate, x);
  Tensor y(x.shape(), result_type);
  const kernels::Function function = function_of(act);
  parallel_for(x.numel(), kGrainElements, [&](std::int64_t begin, std::int64_t end) {
    kernels::row_kernels().gated_activate(read_from(gate, begin), read_from(x, begin), write_to(y, begin),
                                          end - begin, function);
  });
  return y;
}

Tensor add(Tensor x, const Tensor& y) {
  checks::broadcast("add", x, y);
  Tensor sum = writable(std::move(x));
  add_to(sum, y);
  return sum;
}

void add_to(Tensor& x, const Tensor& y) {
  const std::int64_t period = y.numel();
  parallel_for(x.numel(), kGrainElements, [&](std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t from = begin % period, count = std::min(end - begin, period - from);
      kernels::row_kernels().gated_add(write_to(x, begin), read_from(y, from), 1, count, nullptr);
      begin += count;
    }
  });
}

Tensor gated_add(Tensor x, const Tensor& gate, const Tensor& y) {
  checks::same_shape("gated_add", x, y);
  checks::per_picture("gated_add", x, gate);
  Tensor sum = writable(std::move(x));
  const float* gates = gate.data<float>();
  const std::int64_t width = y.dim(2);
  for_rows_of_pictures(y, [&](std::int64_t picture, std::int64_t first, std::int64_t rows) {
    kernels::row_kernels().gated_add(write_to(sum, first * width), read_from(y, first * width), rows, width,
                                     gates + picture * width);
  });
  return sum;
}

}  // namespace sd35::native
