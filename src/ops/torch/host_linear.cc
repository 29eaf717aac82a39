#include "ops/torch/host_linear.h"

#include <torch/torch.h>

#include "core/threads.h"
#include "ops/native/elements.h"
#include "ops/native/onednn.h"
#include "ops/torch/host_memory.h"

namespace sd35::host {
namespace {

using onednn::Layout;
using onednn::MatmulSpec;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

DType kernel_type_of(at::ScalarType type) { return type == at::kBFloat16 ? DType::bf16 : DType::f32; }

// [rows, last dimension]
at::Tensor as_rows(const at::Tensor& x) { return x.contiguous().view({-1, x.size(-1)}); }

std::vector<std::int64_t> with_last(const at::Tensor& x, std::int64_t size) {
  std::vector<std::int64_t> sizes = x.sizes().vec();
  sizes.back() = size;
  return sizes;
}

at::Tensor multiply(MatmulSpec spec, const Layout& layout, const at::Tensor& x, const at::Tensor& weight,
                    const float* bias = nullptr) {
  spec.dtype = kernel_type_of(x.scalar_type());
  spec.result_stride = spec.out;
  spec.bias = bias != nullptr;
  at::Tensor y = at::empty({spec.rows, spec.out},
                           x.options().dtype(spec.result_dtype == DType::bf16 ? at::kBFloat16 : at::kFloat));
  if (spec.rows == 0) return y;
  onednn::primitive(spec, layout)->run(x.data_ptr(), weight.data_ptr(), bias, y.data_ptr());
  return y;
}

struct LinearFunction : torch::autograd::Function<LinearFunction> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias_in, std::int64_t act, std::int64_t product_type,
                            std::int64_t result_type) {
    const auto product = static_cast<at::ScalarType>(product_type);
    const auto result = static_cast<at::ScalarType>(result_type);
    // Products of f32 give f32.
    const bool plain = static_cast<Activation>(act) == Activation::none,
               direct = plain && (result == product || result == at::kFloat);
    const at::Tensor rows = as_rows(x).to(product), matrix = weight.contiguous().to(product),
                     bias = bias_in.contiguous().to(at::kFloat);
    const std::int64_t in = matrix.size(1), out = matrix.size(0);
    const DType dtype = kernel_type_of(product), sum_type = direct ? kernel_type_of(result) : DType::f32;
    at::Tensor y = multiply({.rows = rows.size(0), .in = in, .out = out, .result_dtype = sum_type},
                            Layout::matrix(dtype, out, in), rows, matrix, floats_or_null(bias));
    // A weight that is not trained does not need its inputs.
    context->save_for_backward(
        {weight.requires_grad() ? rows : at::Tensor(), matrix, plain ? at::Tensor() : y});
    context->saved_data["act"] = act;
    context->saved_data["x type"] = static_cast<std::int64_t>(x.scalar_type());
    if (plain) {
      y = y.to(result);
    } else {
      const at::Tensor sums = y;
      y = at::empty(sums.sizes(), sums.options().dtype(result));
      parallel_for(y.numel(), native::kGrainElements, [&](std::int64_t begin, std::int64_t end) {
        kernels::row_kernels().activate(read_from(sums, begin), write_to(y, begin), end - begin,
                                        native::function_of(static_cast<Activation>(act)));
      });
    }
    return y.view(with_last(x, out));
  }

  static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &rows = saved[0], &matrix = saved[1];  // [R, in], [out, in]
    const at::ScalarType product = matrix.scalar_type();
    const std::int64_t in = matrix.size(1), out = matrix.size(0);
    const at::Tensor dy = gradient_of_sums(as_rows(output_gradients[0]), saved[2], product,
                                           static_cast<Activation>(context->saved_data["act"].toInt()));
    const std::int64_t R = dy.size(0);
    variable_list gradients(6);
    if (context->needs_input_grad(0))
      gradients[0] = multiply({.rows = R, .in = out, .out = in, .result_dtype = kernel_type_of(product)},
                              Layout::transposed_matrix(kernel_type_of(product), in, out), dy, matrix)
                         .view(with_last(output_gradients[0], in))
                         .to(static_cast<at::ScalarType>(context->saved_data["x type"].toInt()));
    if (context->needs_input_grad(1))
      gradients[1] = multiply({.rows = out, .in = R, .out = in, .transposed_x = true},
                              Layout::transposed_matrix(kernel_type_of(product), in, R), dy, rows);
    if (context->needs_input_grad(2)) gradients[2] = dy.sum(0, false, at::kFloat);
    return gradients;
  }

  // Through the activation, of x weight^T + bias; of the type of the products.
  static at::Tensor gradient_of_sums(const at::Tensor& dy, const at::Tensor& sums, at::ScalarType product,
                                     Activation act) {
    if (act == Activation::none) return dy.to(product);
    at::Tensor dx = at::empty(dy.sizes(), dy.options().dtype(product));
    parallel_for(dx.numel(), native::kGrainElements, [&](std::int64_t begin, std::int64_t end) {
      kernels::row_kernels().activate_backward(read_from(sums, begin), read_from(dy, begin),
                                               write_to(dx, begin), end - begin, native::function_of(act));
    });
    return dx;
  }
};

}  // namespace

at::Tensor linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, Activation act,
                  at::ScalarType product, at::ScalarType result) {
  return LinearFunction::apply(x, weight, or_empty(bias), static_cast<std::int64_t>(act),
                               static_cast<std::int64_t>(product), static_cast<std::int64_t>(result));
}

}  // namespace sd35::host
