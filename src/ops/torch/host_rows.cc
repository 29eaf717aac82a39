#include "ops/torch/host_rows.h"

#include <torch/torch.h>

#include "ops/torch/host_memory.h"
#include "ops/torch/runs_of_rows.h"

namespace sd35::host {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct HostNormModulate : torch::autograd::Function<HostNormModulate> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_in, const at::Tensor& shift_in,
                            const at::Tensor& scale_in, double eps, std::int64_t result) {
    const at::Tensor x = x_in.contiguous(), shift = f32(shift_in), scale = f32(scale_in);
    const std::int64_t D = x.size(2);
    at::Tensor y = at::empty_like(x, x.options().dtype(static_cast<at::ScalarType>(result)));
    for_runs(x.size(0), x.size(1), [&](const Run& run) {
      kernels::row_kernels().layer_norm(read_from(x, run.first * D), write_to(y, run.first * D), run.rows, D,
                                        scale.data_ptr<float>() + run.picture * D, 1.0f,
                                        shift.data_ptr<float>() + run.picture * D, static_cast<float>(eps));
    });
    context->save_for_backward({x, scale});
    context->saved_data["eps"] = eps;
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &scale = saved[1], dy = output_gradients[0].contiguous();
    const std::int64_t B = x.size(0), T = x.size(1), D = x.size(2);
    const auto eps = static_cast<float>(context->saved_data["eps"].toDouble());
    at::Tensor dx = at::empty_like(x);
    const at::Tensor sums = at::zeros({B * runs_of(T), 2, D}, scale.options());  // of scale and shift
    for_runs(B, T, [&](const Run& run) {
      float* const sum = sums.data_ptr<float>() + run.number * 2 * D;
      kernels::row_kernels().layer_norm_backward(
          read_from(x, run.first * D), read_from(dy, run.first * D), write_to(dx, run.first * D), run.rows, D,
          scale.data_ptr<float>() + run.picture * D, 1.0f, eps, sum, sum + D);
    });
    const at::Tensor both = sum_of_runs(sums, B);  // [B, 2, D]
    return {dx, both.select(1, 1), both.select(1, 0), {}, {}};
  }
};

struct HostGatedAdd : torch::autograd::Function<HostGatedAdd> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gate_in,
                            const at::Tensor& y_in) {
    const at::Tensor gate = f32(gate_in), y = y_in.contiguous();
    const std::int64_t D = y.size(2);
    at::Tensor sum = x.clone(at::MemoryFormat::Contiguous);
    for_runs(y.size(0), y.size(1), [&](const Run& run) {
      kernels::row_kernels().gated_add(write_to(sum, run.first * D), read_from(y, run.first * D), run.rows, D,
                                       gate.data_ptr<float>() + run.picture * D);
    });
    context->save_for_backward({gate, y});
    return sum;
  }

  static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &gate = saved[0], &y = saved[1], dsum = output_gradients[0].contiguous();
    const std::int64_t B = y.size(0), T = y.size(1), D = y.size(2);
    at::Tensor dy = at::empty_like(y);
    const at::Tensor sums = at::zeros({B * runs_of(T), D}, gate.options());
    for_runs(B, T, [&](const Run& run) {
      kernels::row_kernels().gated_add_backward(
          read_from(y, run.first * D), read_from(dsum, run.first * D), write_to(dy, run.first * D), run.rows,
          D, gate.data_ptr<float>() + run.picture * D, sums.data_ptr<float>() + run.number * D);
    });
    return {dsum, sum_of_runs(sums, B), dy};
  }
};

}  // namespace

at::Tensor norm_modulate(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale, double eps,
                         at::ScalarType result) {
  return HostNormModulate::apply(x, shift, scale, eps, static_cast<std::int64_t>(result));
}

at::Tensor gated_add(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y) {
  return HostGatedAdd::apply(x, gate, y);
}

}  // namespace sd35::host
