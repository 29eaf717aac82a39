// The encoder of T5 v1.1: pre-norm transformer with RMS norms, relative position biases and gated GELU; no
// linear has a bias. Reference: transformers modeling_t5.py, T5EncoderModel.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/location.h"
#include "ops/ops.h"
#include "text/layers.h"
#include "weights/parameters.h"

namespace sd35 {

struct T5Config {
  std::int64_t d_model = 4096;
  std::int64_t d_kv = 64;
  std::int64_t d_ff = 10240;
  std::int64_t vocab_size = 32128;
  int num_layers = 24;
  int num_heads = 64;
  int relative_attention_num_buckets = 32;
  int relative_attention_max_distance = 128;
  float layer_norm_epsilon = 1e-6f;

  // Throws FileError naming `location` and the key.
  static T5Config from_json(const nlohmann::json& json, const Location& location);
};

class T5Layer {
 public:
  void parameters(const T5Config& config, const Parameters& p);
  // x [B, T, D] f32, position_bias [H, T, T]
  Tensor forward(const Ops& ops, const T5Config& config, Tensor x, const Tensor& position_bias) const;

 private:
  Tensor attention_norm_, feed_forward_norm_;  // [D]
  Linear qkv_, out_;
  Linear gate_, up_, down_;  // wi_0, wi_1, wo
};

class T5Encoder {
 public:
  explicit T5Encoder(T5Config config);

  const T5Config& config() const { return config_; }
  const Tensor& token_embedding() const { return shared_; }  // [vocab, D]
  // Every weight; the weights outside the layers; where layer `index` lies.
  void parameters(const Parameters& p);
  void outer_parameters(const Parameters& p);
  static Parameters layer_scope(const Parameters& p, int index);

  // ids [B, T] i32 -> [B, T, D] f32. Padding is attended like any token, as the reference does.
  Tensor forward(const Ops& ops, const Tensor& ids, const LayerProvider<T5Layer>& layer) const;
  LayerProvider<T5Layer> resident_layers() const;

 private:
  Tensor position_bias(const Ops& ops, std::int64_t tokens) const;

  T5Config config_;
  Tensor shared_;         // [vocab, D]
  Tensor relative_bias_;  // [buckets, H], kept by the first layer and used by all
  Tensor final_norm_;     // [D]
  std::vector<std::shared_ptr<T5Layer>> layers_;
};

// The bucket of a key `distance` tokens after its query (bidirectional buckets: near ones exact, far ones
// logarithmic).
int relative_position_bucket(std::int64_t distance, int num_buckets, int max_distance);

}  // namespace sd35
