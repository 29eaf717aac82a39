#include "ops/torch/host_attention.h"

#include <torch/torch.h>

#include <algorithm>
#include <array>

#include "core/error.h"
#include "ops/native/kernels/attention.h"
#include "ops/torch/host_memory.h"
#include "ops/torch/runs_of_rows.h"

namespace sd35::host {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::size_t kStreams = 2;

// What both passes use of a stream.
struct Stream {
  at::Tensor qkv, norm_q, norm_k;  // contiguous, norms f32 or empty
  at::Tensor result;               // [B, T, heads d], or undefined
  at::Tensor log_sums;             // [B, heads, T], where there is a result

  kernels::AttentionTokens tokens() const {
    kernels::AttentionTokens tokens{.qkv = read_from(qkv, 0),
                                    .tokens = qkv.size(1),
                                    .norm_q = floats_or_null(norm_q),
                                    .norm_k = floats_or_null(norm_k)};
    if (result.defined()) {
      tokens.result = write_to(result, 0);
      tokens.log_sums = log_sums.data_ptr<float>();
    }
    return tokens;
  }
};

// Through the norms of queries and keys: of dheads, gradients by what the kernels multiplied, those by qkv
// and the norms' weights. That of queries without a result has no gradient.
struct QkvGradients {
  at::Tensor qkv, norm_q, norm_k;
};
QkvGradients through_norms(const Stream& stream, const at::Tensor& dheads, std::int64_t heads, float eps) {
  const std::int64_t B = dheads.size(0), T = dheads.size(1), width = dheads.size(2) / 3, d = width / heads;
  const std::array norms{floats_or_null(stream.norm_q), floats_or_null(stream.norm_k)};
  at::Tensor dqkv = at::empty_like(stream.qkv);
  const at::Tensor sums = at::zeros({B * runs_of(T), 2, d}, dheads.options());
  for_runs(B, T, [&](const Run& run) {
    float* const sum = sums.data_ptr<float>() + run.number * 2 * d;
    for (std::int64_t row = run.first; row < run.first + run.rows; ++row)
      for (std::size_t part = 0; part < 3; ++part) {
        const std::int64_t at = (3 * row + static_cast<std::int64_t>(part)) * width;
        const kernels::In dy = read_from(dheads, at);
        const kernels::Out dx = write_to(dqkv, at);
        if (part < 2 && norms[part] != nullptr)
          kernels::row_kernels().rms_norm_backward(read_from(stream.qkv, at), dy, dx, heads, d, norms[part],
                                                   eps, sum + static_cast<std::int64_t>(part) * d);
        else
          kernels::row_kernels().convert(dy, dx, width);
      }
  });
  const at::Tensor both = sums.sum(0);  // [2, d]
  const auto of = [&](std::int64_t part) {
    return norms[static_cast<std::size_t>(part)] != nullptr ? both[part] : at::Tensor();
  };
  return {dqkv, stream.result.defined() ? of(0) : at::Tensor(), of(1)};
}

struct Attention : torch::autograd::Function<Attention> {
  // The results asked for, of one or two streams; the second has no elements where there is only one.
  static variable_list forward(AutogradContext* context, const at::Tensor& qkv_0, const at::Tensor& norm_q_0,
                               const at::Tensor& norm_k_0, const at::Tensor& qkv_1,
                               const at::Tensor& norm_q_1, const at::Tensor& norm_k_1, std::int64_t wanted,
                               std::int64_t heads, double scale, double eps, bool causal) {
    const kernels::AttentionSizes sizes{.batch = qkv_0.size(0),
                                        .heads = heads,
                                        .head_size = qkv_0.size(2) / 3 / heads,
                                        .scale = static_cast<float>(scale),
                                        .norm_eps = static_cast<float>(eps),
                                        .causal = causal};
    std::vector<Stream> streams{{qkv_0.contiguous(), f32(norm_q_0), f32(norm_k_0), {}, {}}};
    if (qkv_1.numel() > 0) streams.push_back({qkv_1.contiguous(), f32(norm_q_1), f32(norm_k_1), {}, {}});
    std::vector<kernels::AttentionTokens> tokens;
    variable_list results, saved;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      Stream& stream = streams[i];
      const std::int64_t T = stream.qkv.size(1);
      if ((wanted >> i & 1) != 0) {
        stream.result = at::empty({sizes.batch, T, heads * sizes.head_size}, stream.qkv.options());
        stream.log_sums = at::empty({sizes.batch, heads, T}, stream.qkv.options().dtype(at::kFloat));
        results.push_back(stream.result);
      }
      tokens.push_back(stream.tokens());
      saved.insert(saved.end(), {stream.qkv, stream.norm_q, stream.norm_k, stream.result, stream.log_sums});
    }
    kernels::attention(tokens, sizes);
    context->save_for_backward(saved);
    context->saved_data["heads"] = heads;
    context->saved_data["scale"] = scale;
    context->saved_data["eps"] = eps;
    context->saved_data["causal"] = causal;
    return results;
  }

  static variable_list backward(AutogradContext* context, const variable_list& output_gradients) {
    const variable_list saved = context->get_saved_variables();
    const std::int64_t heads = context->saved_data["heads"].toInt();
    const auto eps = static_cast<float>(context->saved_data["eps"].toDouble());
    const kernels::AttentionSizes sizes{.batch = saved[0].size(0),
                                        .heads = heads,
                                        .head_size = saved[0].size(2) / 3 / heads,
                                        .scale = static_cast<float>(context->saved_data["scale"].toDouble()),
                                        .norm_eps = eps,
                                        .causal = context->saved_data["causal"].toBool()};
    std::vector<Stream> streams;
    std::vector<at::Tensor> dheads, dresults;  // kept for as long as the kernels run
    std::vector<kernels::AttentionTokens> tokens;
    std::vector<kernels::AttentionGradients> gradients;
    for (std::size_t i = 0; i < saved.size(); i += 5) {
      const Stream& stream =
          streams.emplace_back(Stream{saved[i], saved[i + 1], saved[i + 2], saved[i + 3], saved[i + 4]});
      kernels::AttentionGradients& g = gradients.emplace_back();
      if (stream.result.defined()) {
        dresults.push_back(output_gradients[dresults.size()].contiguous());
        g.dresult = read_from(dresults.back(), 0);
      }
      dheads.push_back(at::zeros(stream.qkv.sizes(), stream.qkv.options().dtype(at::kFloat)));
      g.dqkv = dheads.back().data_ptr<float>();
      tokens.push_back(stream.tokens());
    }
    kernels::attention_backward(tokens, gradients, sizes);
    variable_list all(11);
    for (std::size_t i = 0; i < streams.size(); ++i) {
      const QkvGradients g = through_norms(streams[i], dheads[i], heads, eps);
      all[3 * i] = g.qkv;
      all[3 * i + 1] = g.norm_q;
      all[3 * i + 2] = g.norm_k;
    }
    return all;
  }
};

}  // namespace

std::vector<at::Tensor> attention(std::span<const AttentionInput> streams, const AttentionOptions& options) {
  if (streams.size() > kStreams) throw ArgumentError("attention with gradients joins at most two streams");
  std::array<AttentionInput, kStreams> inputs;
  std::ranges::copy(streams, inputs.begin());
  std::int64_t wanted = 0;
  for (std::size_t i = 0; i < streams.size(); ++i) wanted |= std::int64_t{streams[i].wants_output} << i;
  const auto [first, second] = inputs;
  variable_list found = Attention::apply(
      first.qkv, or_empty(first.norm_q), or_empty(first.norm_k), or_empty(second.qkv),
      or_empty(second.norm_q), or_empty(second.norm_k), wanted, static_cast<std::int64_t>(options.heads),
      static_cast<double>(options.scale), static_cast<double>(options.norm_eps), options.causal);
  std::vector<at::Tensor> results(streams.size());
  for (std::size_t i = 0, next = 0; i < streams.size(); ++i)
    if (streams[i].wants_output) results[i] = found[next++];
  return results;
}

}  // namespace sd35::host
