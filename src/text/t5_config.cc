#include "core/config_file.h"
#include "text/t5_encoder.h"

namespace sd35 {

T5Config T5Config::from_json(const nlohmann::json& json, const Location& location) {
  const ConfigReader reader(json, location);
  // Only version 1.1 of T5 gates its feed-forward; the first one has other weights.
  const std::string feed_forward = reader.text("feed_forward_proj", "relu");
  if (feed_forward != "gated-gelu")
    reader.fail("feed_forward_proj", "is missing or not the supported 'gated-gelu'");
  reader.choice("dense_act_fn", {"gelu_new"});

  T5Config config;
  // The bounds lie far beyond every published model; they keep a hostile file from requesting all memory.
  config.d_model = reader.integer("d_model", 1, 65536);
  config.d_kv = reader.integer("d_kv", 1, 4096);
  config.d_ff = reader.integer("d_ff", 1, 1 << 20);
  config.vocab_size = reader.integer("vocab_size", 1, 1 << 24);
  config.num_layers = static_cast<int>(reader.integer("num_layers", 1, 256));
  config.num_heads = static_cast<int>(reader.integer("num_heads", 1, 1024));
  config.layer_norm_epsilon = static_cast<float>(reader.number("layer_norm_epsilon", 1e-12, 1e-1, 1e-6));
  const std::int64_t buckets = reader.integer("relative_attention_num_buckets", 4, 4096, 32);
  if (buckets % 4 != 0)
    reader.fail("relative_attention_num_buckets",
                "is " + std::to_string(buckets) + "; it must be a multiple of 4");
  config.relative_attention_num_buckets = static_cast<int>(buckets);
  // Distances beyond a quarter of the buckets share one, logarithmically.
  config.relative_attention_max_distance =
      static_cast<int>(reader.integer("relative_attention_max_distance", buckets / 4 + 1, 1 << 20, 128));
  return config;
}

}  // namespace sd35
