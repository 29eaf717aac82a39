#include "mmdit/config.h"

#include "core/config_file.h"

namespace sd35 {

MmditConfig MmditConfig::from_json(const nlohmann::json& json, const Location& location) {
  const ConfigReader reader(json, location);
  MmditConfig config;
  // The bounds lie far beyond every published model; they keep a hostile file from requesting all memory.
  config.num_layers = static_cast<int>(reader.integer("num_layers", 1, 256));
  config.num_attention_heads = static_cast<int>(reader.integer("num_attention_heads", 1, 256));
  config.attention_head_dim = static_cast<int>(reader.integer("attention_head_dim", 1, 512));
  config.in_channels = static_cast<int>(reader.integer("in_channels", 1, 256));
  config.out_channels = static_cast<int>(reader.integer("out_channels", 1, 256, config.in_channels));
  config.patch_size = static_cast<int>(reader.integer("patch_size", 1, 16));
  config.joint_attention_dim = reader.integer("joint_attention_dim", 1, 65536);
  config.pooled_projection_dim = reader.integer("pooled_projection_dim", 1, 65536);
  config.pos_embed_max_size = static_cast<int>(reader.integer("pos_embed_max_size", 1, 4096));
  config.sample_size = static_cast<int>(reader.integer("sample_size", 1, 16384, config.sample_size));
  config.reference_tokens = reader.text("_class_name", "") == "SD3Transformer2DKontextModel";
  config.qk_norm = reader.has("qk_norm");
  if (config.qk_norm) reader.choice("qk_norm", {"rms_norm"});
  config.dual_attention.assign(static_cast<std::size_t>(config.num_layers), false);
  for (const std::int64_t layer : reader.integers("dual_attention_layers", 0, config.num_layers - 1, 256, {}))
    config.dual_attention[static_cast<std::size_t>(layer)] = true;

  if (config.width() % 4 != 0)
    reader.fail("attention_head_dim", "and num_attention_heads make a width of " +
                                          std::to_string(config.width()) + "; it must be a multiple of 4");
  if (config.out_channels != config.in_channels)
    reader.fail("out_channels", "is " + std::to_string(config.out_channels) +
                                    "; it must equal in_channels, " + std::to_string(config.in_channels));
  const std::int64_t caption = reader.integer("caption_projection_dim", 1, 1 << 20, config.width());
  if (caption != config.width())
    reader.fail("caption_projection_dim", "is " + std::to_string(caption) +
                                              "; it must be heads times head size, " +
                                              std::to_string(config.width()));
  return config;
}

}  // namespace sd35
