#include "ops/torch/device_rows.h"

#include <torch/torch.h>

#include <vector>

namespace sd35::device {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The dimensions of x along which the smaller y is repeated.
std::vector<std::int64_t> broadcast_dims(const at::Tensor& x, const at::Tensor& y) {
  std::vector<std::int64_t> dims;
  const std::int64_t more = x.dim() - y.dim();
  for (std::int64_t i = 0; i < x.dim(); ++i)
    if (i < more || y.size(i - more) < x.size(i)) dims.push_back(i);
  return dims;
}

struct DeviceNormModulate : torch::autograd::Function<DeviceNormModulate> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x_in, const at::Tensor& shift,
                            const at::Tensor& scale, double eps, std::int64_t result) {
    const at::Tensor x = x_in.to(scale.scalar_type());
    const at::Tensor factor = (1 + scale).unsqueeze(1);  // [B, 1, D]
    const auto [normed, mean, rstd] = at::native_layer_norm(x, {x.size(2)}, {}, {}, eps);
    at::Tensor y = at::empty(x.sizes(), x.options().dtype(static_cast<at::ScalarType>(result)));
    at::add_out(y, normed * factor, shift.unsqueeze(1));
    context->save_for_backward({x, normed, mean, rstd, factor});
    context->saved_data["type"] = static_cast<std::int64_t>(x_in.scalar_type());
    return y;
  }

  static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &normed = saved[1], &factor = saved[4], &dy = output_gradients[0];
    const auto type = static_cast<at::ScalarType>(context->saved_data["type"].toInt());
    const at::Tensor dx = std::get<0>(at::native_layer_norm_backward(dy * factor, x, {x.size(2)}, saved[2],
                                                                     saved[3], {}, {}, {true, false, false}));
    return {dx.to(type), at::sum(dy, {1}, false, x.scalar_type()), at::sum(dy * normed, {1}), {}, {}};
  }
};

struct DeviceGatedAdd : torch::autograd::Function<DeviceGatedAdd> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& gate_in,
                            const at::Tensor& y) {
    const at::Tensor gate = gate_in.unsqueeze(1);  // [B, 1, D]
    at::Tensor sum = at::empty_like(x);
    at::add_out(sum, x, gate * y);
    context->save_for_backward({gate, y});
    return sum;
  }

  static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &gate = saved[0], &y = saved[1], &dsum = output_gradients[0];
    at::Tensor dy = at::empty_like(y);
    at::mul_out(dy, dsum, gate);
    return {dsum, at::sum(dsum * y, {1}, false, gate.scalar_type()), dy};
  }
};

struct RmsNorm : torch::autograd::Function<RmsNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            double eps) {
    const at::Tensor mean_square =
        at::linalg_vector_norm(x, 2, at::IntArrayRef{-1}, true, weight.scalar_type())
            .square_()
            .div_(x.size(-1));
    const at::Tensor rstd = mean_square.add_(eps).rsqrt_();  // [..., 1]
    at::Tensor y = at::empty(x.sizes(), x.options());
    at::mul_out(y, x * rstd, weight);
    context->save_for_backward({x, weight, rstd});
    return y;
  }

  // Of normed = x rstd: dx = rstd (dnormed - normed mean(dnormed normed)).
  static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &weight = saved[1], &rstd = saved[2], &dy = output_gradients[0];
    at::Tensor normed = at::empty(x.sizes(), x.options());
    at::mul_out(normed, x, rstd);
    const at::Tensor product = dy * normed, own_weight = weight.to(x.scalar_type());
    const at::Tensor mean = at::sum(product * own_weight, {-1}, true).div_(x.size(-1));  // [..., 1]
    at::Tensor dx = at::empty(x.sizes(), x.options());
    at::mul_out(dx, at::addcmul(dy * own_weight, normed, mean, -1), rstd);
    return {
        dx,
        at::sum(product, broadcast_dims(product, weight), true, weight.scalar_type()).view(weight.sizes()),
        {}};
  }
};

}  // namespace

at::Tensor norm_modulate(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale, double eps,
                         at::ScalarType result) {
  return DeviceNormModulate::apply(x, shift, scale, eps, static_cast<std::int64_t>(result));
}

at::Tensor gated_add(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y) {
  return DeviceGatedAdd::apply(x, gate, y);
}

at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& weight, double eps) {
  return RmsNorm::apply(x, weight, eps);
}

}  // namespace sd35::device
