#include "text/clip_text_model.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace sd35 {

std::int64_t pooled_width(const ClipConfig& config, const WeightSource& weights) {
  const bool projected = weights.find("text_projection.weight") != nullptr;
  return projected ? config.projection_dim : config.hidden_size;
}

void LayerNormWeights::parameters(const Parameters& p, std::int64_t width) {
  p.tensor("weight", scale, {width}, ParameterKind::norm_scale);
  p.tensor("bias", shift, {width}, ParameterKind::norm_shift);
}

void ClipLayer::parameters(const ClipConfig& config, const Parameters& p) {
  const std::int64_t D = config.hidden_size;
  norm_1_.parameters(p.scope("layer_norm1"), D);
  p.scope("self_attn").fused_linear({"q_proj", "k_proj", "v_proj"}, qkv_, D, D);
  p.scope("self_attn").linear("out_proj", out_, D, D);
  norm_2_.parameters(p.scope("layer_norm2"), D);
  p.scope("mlp").linear("fc1", fc1_, config.intermediate_size, D);
  p.scope("mlp").linear("fc2", fc2_, D, config.intermediate_size);
}

Tensor ClipLayer::forward(const Ops& ops, const ClipConfig& config, Tensor x) const {
  AttentionOptions options;
  options.heads = config.num_attention_heads;
  options.scale =
      1.0f / std::sqrt(static_cast<float>(config.hidden_size) / static_cast<float>(options.heads));
  options.causal = true;
  {
    const Tensor normed = norm_1_.forward(ops, x, config.layer_norm_eps);
    const std::array stream{AttentionStream{ops.linear(normed, qkv_), {}, {}}};
    x = ops.add(std::move(x), ops.linear(ops.attention(stream, options)[0], out_));
  }
  const Tensor hidden = ops.linear(norm_2_.forward(ops, x, config.layer_norm_eps), fc1_, config.hidden_act);
  return ops.add(std::move(x), ops.linear(hidden, fc2_));
}

ClipTextModel::ClipTextModel(ClipConfig config) : config_(config) {
  for (int i = 0; i < config_.num_hidden_layers; ++i) layers_.push_back(std::make_shared<ClipLayer>());
}

void ClipTextModel::outer_parameters(const Parameters& p) {
  const std::int64_t D = config_.hidden_size;
  const Parameters text = p.scope("text_model");
  text.scope("embeddings")
      .tensor("token_embedding.weight", token_embedding_, {config_.vocab_size, D}, ParameterKind::embedding);
  text.scope("embeddings")
      .tensor("position_embedding.weight", position_embedding_, {config_.max_position_embeddings, D},
              ParameterKind::embedding);
  final_norm_.parameters(text.scope("final_layer_norm"), D);
  p.optional_linear("text_projection", text_projection_, config_.projection_dim, D);
}

Parameters ClipTextModel::layer_scope(const Parameters& p, int index) {
  return p.scope("text_model.encoder.layers").scope(index);
}

void ClipTextModel::parameters(const Parameters& p) {
  outer_parameters(p);
  for (int i = 0; i < config_.num_hidden_layers; ++i)
    layers_[static_cast<std::size_t>(i)]->parameters(config_, layer_scope(p, i));
}

LayerProvider<ClipLayer> ClipTextModel::resident_layers() const {
  return [this](int index) { return layers_[static_cast<std::size_t>(index)]; };
}

ClipOutput ClipTextModel::forward(const Ops& ops, const Tensor& ids, std::int32_t end_of_text,
                                  const LayerProvider<ClipLayer>& layer) const {
  const std::int64_t B = ids.dim(0), T = ids.dim(1), D = config_.hidden_size;
  if (T > config_.max_position_embeddings)
    throw ArgumentError(std::to_string(T) + " tokens for a CLIP model of " +
                        std::to_string(config_.max_position_embeddings));
  Tensor x = ops.embedding(token_embedding_, ids);  // [B, T, D]
  const Tensor positions = ops.slice(ops.to_f32(position_embedding_), 0, 0, T);
  x = ops.add(std::move(x), positions);

  ClipOutput output;
  for (int l = 0; l < config_.num_hidden_layers; ++l) {
    const PartOfWork part(ops, "layer", l);
    if (l == config_.num_hidden_layers - 1) output.hidden = x;
    x = layer(l)->forward(ops, config_, std::move(x));
    ops.tap("layer" + std::to_string(l), x);
  }

  // The causal order makes everything before the first end of text independent of what follows.
  std::vector<std::int32_t> ends;
  for (std::int64_t b = 0; b < B; ++b) {
    const std::int32_t* row = ids.data<std::int32_t>() + b * T;
    const std::int32_t* end = std::find(row, row + T, end_of_text);
    if (end == row + T)
      throw ArgumentError("a tokenized prompt holds no end of text, id " + std::to_string(end_of_text));
    ends.push_back(static_cast<std::int32_t>(b * T + (end - row)));
  }
  const Tensor at_end = ops.embedding(x.reshape({B * T, D}), Tensor::from({B}, ends));  // [B, D]
  const Tensor normed = ops.layer_norm(at_end, final_norm_.scale, final_norm_.shift, config_.layer_norm_eps);
  output.pooled = text_projection_.loaded() ? ops.linear(normed, text_projection_, Activation::none, Out::f32)
                                            : ops.to_f32(normed);
  return output;
}

}  // namespace sd35
