#include "core/config_file.h"
#include "text/clip_text_model.h"

namespace sd35 {

ClipConfig ClipConfig::from_json(const nlohmann::json& json, const Location& location) {
  const ConfigReader reader(json, location);
  ClipConfig config;
  // The bounds lie far beyond every published model; they keep a hostile file from requesting all memory.
  config.hidden_size = reader.integer("hidden_size", 1, 65536);
  config.intermediate_size = reader.integer("intermediate_size", 1, 1 << 20);
  config.projection_dim = reader.integer("projection_dim", 1, 65536, config.hidden_size);
  config.vocab_size = reader.integer("vocab_size", 1, 1 << 24);
  config.max_position_embeddings = reader.integer("max_position_embeddings", 1, 65536);
  config.num_hidden_layers = static_cast<int>(reader.integer("num_hidden_layers", 1, 256));
  config.num_attention_heads = static_cast<int>(reader.integer("num_attention_heads", 1, 1024));
  config.layer_norm_eps = static_cast<float>(reader.number("layer_norm_eps", 1e-12, 1e-1, 1e-5));
  const std::string activation = reader.choice("hidden_act", {"quick_gelu", "gelu"});
  config.hidden_act = activation == "gelu" ? Activation::gelu : Activation::quick_gelu;
  if (config.hidden_size % config.num_attention_heads != 0)
    reader.fail("hidden_size", "is " + std::to_string(config.hidden_size) +
                                   ", which does not divide by the " +
                                   std::to_string(config.num_attention_heads) + " of num_attention_heads");
  return config;
}

}  // namespace sd35
