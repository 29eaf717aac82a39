#include "mmdit/joint_block.h"

#include <array>
#include <cmath>

namespace sd35 {
namespace {

// Vectors [B, D] cut from one modulation projection [B, count D].
std::vector<Tensor> modulation(const Ops& ops, const Tensor& conditioning, const Linear& projection) {
  const std::int64_t width = projection.in_features;
  const Tensor all = ops.linear(conditioning, projection, Activation::none, Out::f32);  // [B, count D]
  return ops.split(all, 1, width);                                                      // count times [B, D]
}

// Modulation vectors in the order of the weights.
enum : std::size_t {
  kShift,
  kScale,
  kGate,
  kShiftMlp,
  kScaleMlp,
  kGateMlp,
  kShiftDual,
  kScaleDual,
  kGateDual
};
// The last text stream has only a scale and a shift, in the order of AdaLayerNormContinuous.
enum : std::size_t { kScaleLast, kShiftLast };

}  // namespace

AttentionStream AttentionWeights::stream(const Ops& ops, const Tensor& x, bool wants_output) const {
  return {ops.linear(x, qkv), norm_q, norm_k, wants_output};
}

void FeedForward::parameters(const Parameters& p, std::int64_t width) {
  p.linear("net.0.proj", up, 4 * width, width);
  p.linear("net.2", down, width, 4 * width);
}

Tensor FeedForward::forward(const Ops& ops, const Tensor& x) const {
  return ops.linear(ops.linear(x, up, Activation::gelu_tanh), down);
}

JointBlock::JointBlock(const MmditConfig& config, int index)
    : width_(config.width()),
      qk_norm_(config.qk_norm),
      dual_(config.dual_attention[static_cast<std::size_t>(index)]),
      last_(index == config.num_layers - 1) {
  attention_options_.heads = config.num_attention_heads;
  attention_options_.scale = 1.0f / std::sqrt(static_cast<float>(config.attention_head_dim));
  attention_options_.norm_eps = kNormEps;
}

void JointBlock::parameters(const Parameters& p) {
  const std::int64_t D = width_, d = D / attention_options_.heads;
  const auto norm = [&](const Parameters& scope, const char* name, Tensor& weight) {
    if (qk_norm_) scope.tensor(std::string(name) + ".weight", weight, {d}, ParameterKind::norm_scale);
  };
  const auto modulation_kind = ParameterKind::modulation;
  p.scope("norm1").linear("linear", image_.modulation, (dual_ ? 9 : 6) * D, D, true, modulation_kind);
  p.scope("norm1_context").linear("linear", text_.modulation, (last_ ? 2 : 6) * D, D, true, modulation_kind);

  const Parameters attention = p.scope("attn");
  attention.fused_linear({"to_q", "to_k", "to_v"}, image_.attention.qkv, D, D);
  attention.fused_linear({"add_q_proj", "add_k_proj", "add_v_proj"}, text_.attention.qkv, D, D);
  norm(attention, "norm_q", image_.attention.norm_q);
  norm(attention, "norm_k", image_.attention.norm_k);
  norm(attention, "norm_added_q", text_.attention.norm_q);
  norm(attention, "norm_added_k", text_.attention.norm_k);
  attention.linear("to_out.0", image_.attention.out, D, D);
  if (!last_) attention.linear("to_add_out", text_.attention.out, D, D);

  if (dual_) {
    const Parameters dual = p.scope("attn2");
    dual.fused_linear({"to_q", "to_k", "to_v"}, dual_attention_.qkv, D, D);
    norm(dual, "norm_q", dual_attention_.norm_q);
    norm(dual, "norm_k", dual_attention_.norm_k);
    dual.linear("to_out.0", dual_attention_.out, D, D);
  }
  image_.feed_forward.parameters(p.scope("ff"), D);
  if (!last_) text_.feed_forward.parameters(p.scope("ff_context"), D);
}

Streams JointBlock::forward(const Ops& ops, Streams streams, const Tensor& conditioning) const {
  auto [x, y, last_count] = std::move(streams);
  const std::vector<Tensor> mx = modulation(ops, conditioning, image_.modulation);
  const std::vector<Tensor> my = modulation(ops, conditioning, text_.modulation);

  // Both attentions read the image tokens as they entered the block.
  Tensor dual_out;
  if (dual_) {
    const Tensor normed = ops.norm_modulate(x, mx[kShiftDual], mx[kScaleDual], kNormEps);  // [B, N, D]
    const std::array self{dual_attention_.stream(ops, normed)};
    dual_out = ops.attention(self, attention_options_)[0];  // [B, N, D]
  }

  // O = softmax([q_x; q_y] [k_x; k_y]^T / sqrt(d)) [v_x; v_y]
  std::vector<Tensor> joint_out;
  {
    const Tensor x_normed = ops.norm_modulate(x, mx[kShift], mx[kScale], kNormEps);  // [B, N, D]
    const Tensor& y_shift = last_ ? my[kShiftLast] : my[kShift];
    const Tensor& y_scale = last_ ? my[kScaleLast] : my[kScale];
    const Tensor y_normed = ops.norm_modulate(y, y_shift, y_scale, kNormEps);  // [B, M, D]
    const std::array joint{image_.attention.stream(ops, x_normed),
                           text_.attention.stream(ops, y_normed, !last_)};
    AttentionOptions options = attention_options_;
    options.last_count = last_count;
    joint_out = ops.attention(joint, options);  // [B, N, D], [B, M, D]
  }

  x = ops.gated_add(std::move(x), mx[kGate], ops.linear(joint_out[0], image_.attention.out));
  if (dual_) x = ops.gated_add(std::move(x), mx[kGateDual], ops.linear(dual_out, dual_attention_.out));
  const Tensor x_mlp =
      image_.feed_forward.forward(ops, ops.norm_modulate(x, mx[kShiftMlp], mx[kScaleMlp], kNormEps));
  x = ops.gated_add(std::move(x), mx[kGateMlp], x_mlp);
  if (last_) return {x, y, last_count};

  y = ops.gated_add(std::move(y), my[kGate], ops.linear(joint_out[1], text_.attention.out));
  const Tensor y_mlp =
      text_.feed_forward.forward(ops, ops.norm_modulate(y, my[kShiftMlp], my[kScaleMlp], kNormEps));
  y = ops.gated_add(std::move(y), my[kGateMlp], y_mlp);
  return {x, y, last_count};
}

}  // namespace sd35
