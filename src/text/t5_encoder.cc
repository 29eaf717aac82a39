#include "text/t5_encoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace sd35 {

void T5Layer::parameters(const T5Config& config, const Parameters& p) {
  const std::int64_t D = config.d_model, inner = config.num_heads * config.d_kv;
  const Parameters attention = p.scope("layer.0"), feed_forward = p.scope("layer.1");
  attention.tensor("layer_norm.weight", attention_norm_, {D}, ParameterKind::norm_scale);
  attention.scope("SelfAttention").fused_linear({"q", "k", "v"}, qkv_, inner, D, false);
  attention.scope("SelfAttention").linear("o", out_, D, inner, false);
  feed_forward.tensor("layer_norm.weight", feed_forward_norm_, {D}, ParameterKind::norm_scale);
  feed_forward.scope("DenseReluDense").linear("wi_0", gate_, config.d_ff, D, false);
  feed_forward.scope("DenseReluDense").linear("wi_1", up_, config.d_ff, D, false);
  feed_forward.scope("DenseReluDense").linear("wo", down_, D, config.d_ff, false);
}

Tensor T5Layer::forward(const Ops& ops, const T5Config& config, Tensor x, const Tensor& position_bias) const {
  AttentionOptions options;
  options.heads = config.num_heads;
  options.scale = 1.0f;  // T5 folds 1 / sqrt(d) into its weights
  options.bias = position_bias;
  {
    const Tensor normed = ops.rms_norm(x, attention_norm_, config.layer_norm_epsilon);
    const std::array stream{AttentionStream{ops.linear(normed, qkv_), {}, {}}};
    x = ops.add(std::move(x), ops.linear(ops.attention(stream, options)[0], out_));
  }
  const Tensor normed = ops.rms_norm(x, feed_forward_norm_, config.layer_norm_epsilon);
  const Tensor hidden =
      ops.gated_activate(ops.linear(normed, gate_), ops.linear(normed, up_), Activation::gelu_tanh);
  return ops.add(std::move(x), ops.linear(hidden, down_, Activation::none, Out::f32));
}

T5Encoder::T5Encoder(T5Config config) : config_(config) {
  for (int i = 0; i < config_.num_layers; ++i) layers_.push_back(std::make_shared<T5Layer>());
}

void T5Encoder::outer_parameters(const Parameters& p) {
  p.tensor("shared.weight", shared_, {config_.vocab_size, config_.d_model}, ParameterKind::embedding);
  p.tensor("encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight", relative_bias_,
           {config_.relative_attention_num_buckets, config_.num_heads}, ParameterKind::embedding);
  p.tensor("encoder.final_layer_norm.weight", final_norm_, {config_.d_model}, ParameterKind::norm_scale);
}

Parameters T5Encoder::layer_scope(const Parameters& p, int index) {
  return p.scope("encoder.block").scope(index);
}

void T5Encoder::parameters(const Parameters& p) {
  outer_parameters(p);
  for (int i = 0; i < config_.num_layers; ++i)
    layers_[static_cast<std::size_t>(i)]->parameters(config_, layer_scope(p, i));
}

LayerProvider<T5Layer> T5Encoder::resident_layers() const {
  return [this](int index) { return layers_[static_cast<std::size_t>(index)]; };
}

Tensor T5Encoder::forward(const Ops& ops, const Tensor& ids, const LayerProvider<T5Layer>& layer) const {
  Tensor x = ops.embedding(shared_, ids);              // [B, T, D]
  const Tensor bias = position_bias(ops, ids.dim(1));  // [H, T, T]
  for (int l = 0; l < config_.num_layers; ++l) {
    const PartOfWork part(ops, "layer", l);
    x = layer(l)->forward(ops, config_, std::move(x), bias);
    ops.tap("layer" + std::to_string(l), x);
  }
  return ops.to_f32(ops.rms_norm(x, final_norm_, config_.layer_norm_epsilon));
}

Tensor T5Encoder::position_bias(const Ops& ops, std::int64_t tokens) const {
  Tensor buckets({tokens, tokens}, DType::i32);
  for (std::int64_t query = 0; query < tokens; ++query)
    for (std::int64_t key = 0; key < tokens; ++key)
      buckets.data<std::int32_t>()[query * tokens + key] = relative_position_bucket(
          key - query, config_.relative_attention_num_buckets, config_.relative_attention_max_distance);
  constexpr std::array order{2, 0, 1};
  return ops.permute(ops.embedding(relative_bias_, buckets), order);  // [H, T, T]
}

int relative_position_bucket(std::int64_t distance, int num_buckets, int max_distance) {
  const int half = num_buckets / 2, exact = half / 2;
  const int side = distance > 0 ? half : 0;
  const std::int64_t n = std::abs(distance);
  if (n < exact) return side + static_cast<int>(n);
  // f32, as the reference computes it: the boundaries between buckets depend on the rounding.
  const float position = std::log(static_cast<float>(n) / static_cast<float>(exact)) /
                         static_cast<float>(std::log(static_cast<double>(max_distance) / exact)) *
                         static_cast<float>(half - exact);
  return side + std::min(half - 1, exact + static_cast<int>(position));
}

}  // namespace sd35
