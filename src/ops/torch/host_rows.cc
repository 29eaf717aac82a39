#include "ops/torch/host_rows.h"

#include <torch/torch.h>

#include <array>

#include "core/threads.h"
#include "ops/torch/host_memory.h"

namespace sd35::host {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Rows of one picture whose sums are added up together. A constant, so that sums do not depend on the number
// of threads.
constexpr std::int64_t kRowsTogether = 32;

// A run of rows of one picture.
struct Run {
  std::int64_t number, picture, first, rows;  // `first` counts from the first row of the first picture
};

std::int64_t runs_of(std::int64_t tokens) { return (tokens + kRowsTogether - 1) / kRowsTogether; }

template <class Body>
void for_runs(std::int64_t pictures, std::int64_t tokens, const Body& body) {
  const std::int64_t runs = runs_of(tokens);
  parallel_for(pictures * runs, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t number = begin; number < end; ++number) {
      const std::int64_t picture = number / runs, first = number % runs * kRowsTogether;
      body(Run{number, picture, picture * tokens + first, std::min(kRowsTogether, tokens - first)});
    }
  });
}

// Of sums [pictures runs, ...], those of each picture [pictures, ...].
at::Tensor sum_of_runs(const at::Tensor& sums, std::int64_t pictures) {
  return sums.unflatten(0, {pictures, -1}).sum(1);
}

at::Tensor f32(const at::Tensor& x) { return x.to(at::kFloat).contiguous(); }

struct NormModulate : torch::autograd::Function<NormModulate> {
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

struct GatedAdd : torch::autograd::Function<GatedAdd> {
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

struct SplitHeads : torch::autograd::Function<SplitHeads> {
  static variable_list forward(AutogradContext* context, const at::Tensor& qkv_in, std::int64_t heads,
                               const at::Tensor& norm_q_in, const at::Tensor& norm_k_in, double eps) {
    const at::Tensor qkv = qkv_in.contiguous(), norm_q = f32(norm_q_in), norm_k = f32(norm_k_in);
    const std::int64_t B = qkv.size(0), T = qkv.size(1), width = qkv.size(2) / 3, d = width / heads;
    variable_list parts;
    for (int part = 0; part < 3; ++part)
      parts.push_back(at::empty({B, T, heads, d}, qkv.options().dtype(at::kFloat)));
    const std::array norms{floats_or_null(norm_q), floats_or_null(norm_k)};
    for_runs(B, T, [&](const Run& run) {
      for (std::int64_t row = run.first; row < run.first + run.rows; ++row)
        for (std::size_t part = 0; part < 3; ++part) {
          const kernels::In from = read_from(qkv, (3 * row + static_cast<std::int64_t>(part)) * width);
          const kernels::Out to = write_to(parts[part], row * width);
          if (part < 2 && norms[part] != nullptr)
            kernels::row_kernels().rms_norm(from, to, heads, d, norms[part], static_cast<float>(eps));
          else
            kernels::row_kernels().convert(from, to, width);
        }
    });
    context->set_materialize_grads(false);  // queries may have no use
    context->save_for_backward({qkv, norm_q, norm_k});
    context->saved_data["heads"] = heads;
    context->saved_data["eps"] = eps;
    return parts;
  }

  static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& qkv = saved[0];
    const std::array norms{floats_or_null(saved[1]), floats_or_null(saved[2])};
    const std::int64_t heads = context->saved_data["heads"].toInt();
    const auto eps = static_cast<float>(context->saved_data["eps"].toDouble());
    const std::int64_t B = qkv.size(0), T = qkv.size(1), width = qkv.size(2) / 3, d = width / heads;
    variable_list gradients;
    for (const at::Tensor& gradient : output_gradients)
      gradients.push_back(gradient.defined() ? f32(gradient) : gradient);
    at::Tensor dqkv = at::zeros_like(qkv);
    const at::Tensor sums = at::zeros({B * runs_of(T), 2, d}, qkv.options().dtype(at::kFloat));
    for_runs(B, T, [&](const Run& run) {
      float* const sum = sums.data_ptr<float>() + run.number * 2 * d;
      for (std::int64_t row = run.first; row < run.first + run.rows; ++row)
        for (std::size_t part = 0; part < 3; ++part) {
          if (!gradients[part].defined()) continue;
          const std::int64_t at = (3 * row + static_cast<std::int64_t>(part)) * width;
          const kernels::In dy = read_from(gradients[part], row * width);
          if (part < 2 && norms[part] != nullptr)
            kernels::row_kernels().rms_norm_backward(read_from(qkv, at), dy, write_to(dqkv, at), heads, d,
                                                     norms[part], eps,
                                                     sum + static_cast<std::int64_t>(part) * d);
          else
            kernels::row_kernels().convert(dy, write_to(dqkv, at), width);
        }
    });
    const at::Tensor both = sums.sum(0);  // [2, d]
    const auto of = [&](std::size_t part) {
      return norms[part] != nullptr && gradients[part].defined() ? both[static_cast<std::int64_t>(part)]
                                                                 : at::Tensor();
    };
    return {dqkv, {}, of(0), of(1), {}};
  }
};

}  // namespace

at::Tensor norm_modulate(const at::Tensor& x, const at::Tensor& shift, const at::Tensor& scale, double eps,
                         at::ScalarType result) {
  return NormModulate::apply(x, shift, scale, eps, static_cast<std::int64_t>(result));
}

at::Tensor gated_add(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& y) {
  return GatedAdd::apply(x, gate, y);
}

std::vector<at::Tensor> split_heads(const at::Tensor& qkv, std::int64_t heads, const at::Tensor& norm_q,
                                    const at::Tensor& norm_k, double eps) {
  return SplitHeads::apply(qkv, heads, or_empty(norm_q), or_empty(norm_k), eps);
}

}  // namespace sd35::host
