// The text tower of CLIP (CLIP-L and OpenCLIP bigG): a causal pre-norm transformer over 77 tokens.
// Reference: transformers modeling_clip.py, CLIPTextModelWithProjection.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/location.h"
#include "ops/ops.h"
#include "text/layers.h"
#include "weights/parameters.h"
#include "weights/source.h"

namespace sd35 {

struct ClipConfig {
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t projection_dim = 768;
  std::int64_t vocab_size = 49408;
  std::int64_t max_position_embeddings = 77;
  int num_hidden_layers = 12;
  int num_attention_heads = 12;
  Activation hidden_act = Activation::quick_gelu;
  float layer_norm_eps = 1e-5f;

  // Throws FileError naming `location` and the key.
  static ClipConfig from_json(const nlohmann::json& json, const Location& location);
};

// The width of the pooled vector: where the weights have no projection, it keeps the model's.
std::int64_t pooled_width(const ClipConfig& config, const WeightSource& weights);

struct LayerNormWeights {
  Tensor scale, shift;  // [D]

  void parameters(const Parameters& p, std::int64_t width);
  Tensor forward(const Ops& ops, const Tensor& x, float eps) const {
    return ops.layer_norm(x, scale, shift, eps);
  }
};

class ClipLayer {
 public:
  void parameters(const ClipConfig& config, const Parameters& p);
  Tensor forward(const Ops& ops, const ClipConfig& config, Tensor x) const;  // [B, T, D] -> the same

 private:
  LayerNormWeights norm_1_, norm_2_;
  Linear qkv_, out_;
  Linear fc1_, fc2_;
};

struct ClipOutput {
  Tensor hidden;  // [B, T, D] f32: the input of the last layer, not normalized (hidden_states[-2])
  Tensor pooled;  // [B, projection_dim] f32: the final norm at the first end-of-text token, projected
};

class ClipTextModel {
 public:
  explicit ClipTextModel(ClipConfig config);

  const ClipConfig& config() const { return config_; }
  // All weights.
  void parameters(const Parameters& p);
  // The weights outside the layers, and where layer `index` lies: what a streamed model loads.
  void outer_parameters(const Parameters& p);
  static Parameters layer_scope(const Parameters& p, int index);

  // ids [B, T] i32 with T up to max_position_embeddings; `end_of_text` is the id the pooled vector is read at
  // (its first place).
  ClipOutput forward(const Ops& ops, const Tensor& ids, std::int32_t end_of_text,
                     const LayerProvider<ClipLayer>& layer) const;
  LayerProvider<ClipLayer> resident_layers() const;

 private:
  ClipConfig config_;
  Tensor token_embedding_;     // [vocab, D]
  Tensor position_embedding_;  // [77, D]
  std::vector<std::shared_ptr<ClipLayer>> layers_;
  LayerNormWeights final_norm_;
  Linear text_projection_;  // its weight is undefined where the file has none: the identity
};

}  // namespace sd35
