#include "vae/config.h"

#include "core/config_file.h"

namespace sd35 {
namespace {

// Options of AutoencoderKL whose other values change the network.
void check_supported(const ConfigReader& reader) {
  for (const char* key : {"use_quant_conv", "use_post_quant_conv"})
    if (reader.boolean(key, true)) reader.fail(key, "is true or missing; only false is supported");
  if (!reader.boolean("mid_block_add_attention", true))
    reader.fail("mid_block_add_attention", "is false; only true is supported");
  for (const char* key : {"latents_mean", "latents_std"})
    if (reader.has(key)) reader.fail(key, "is set; only null is supported");
  reader.choice("act_fn", {"silu"});
}

// What both networks say.
void read_channels(const ConfigReader& reader, VaeConfig& config) {
  config.in_channels = static_cast<int>(reader.integer("in_channels", 3, 3));
  config.out_channels = static_cast<int>(reader.integer("out_channels", 3, 3));
  config.latent_channels = static_cast<int>(reader.integer("latent_channels", 1, 256));
}

// Of AutoencoderTiny. Its tiles are not read: it needs none.
VaeConfig tiny_config(const ConfigReader& reader) {
  VaeConfig config;
  config.network = VaeNetwork::tiny;
  read_channels(reader, config);
  config.block_out_channels = reader.integers("decoder_block_out_channels", 1, 8192, 8, {64, 64, 64, 64});
  const auto others = reader.integers("encoder_block_out_channels", 1, 8192, 8, config.block_out_channels);
  if (config.block_out_channels.size() < 2)
    reader.fail("decoder_block_out_channels", "must have two levels at least");
  for (const std::int64_t channels : config.block_out_channels)
    if (channels != config.block_out_channels.front())
      reader.fail("decoder_block_out_channels", "holds different widths; only one is supported");
  if (others != config.block_out_channels)
    reader.fail("encoder_block_out_channels", "is not what decoder_block_out_channels is");
  const auto blocks = [&](const char* key, std::vector<std::int64_t> fallback) {
    std::vector<std::int64_t> counts = reader.integers(key, 0, 32, 8, std::move(fallback));
    if (counts.size() != config.block_out_channels.size())
      reader.fail(key, "must have as many levels as decoder_block_out_channels, " +
                           std::to_string(config.block_out_channels.size()));
    return counts;
  };
  config.encoder_blocks = blocks("num_encoder_blocks", {1, 3, 3, 3});
  config.decoder_blocks = blocks("num_decoder_blocks", {3, 3, 3, 1});
  reader.choice("act_fn", {"relu"});
  reader.choice("upsample_fn", {"nearest"});
  reader.integer("upsampling_scaling_factor", 2, 2, 2);
  config.scaling_factor = static_cast<float>(reader.number("scaling_factor", 1e-6, 1e6, 1));
  config.shift_factor = static_cast<float>(reader.number("shift_factor", -1e6, 1e6, 0));
  return config;
}

}  // namespace

VaeConfig VaeConfig::from_json(const nlohmann::json& json, const Location& location) {
  const ConfigReader reader(json, location);
  if (reader.text("_class_name", "AutoencoderKL") == "AutoencoderTiny") return tiny_config(reader);
  check_supported(reader);
  VaeConfig config;
  config.norm_num_groups = static_cast<int>(reader.integer("norm_num_groups", 1, 1024, 32));
  config.block_out_channels = reader.integers("block_out_channels", 1, 8192, 8);
  if (config.block_out_channels.empty()) reader.fail("block_out_channels", "is empty");
  for (const std::int64_t channels : config.block_out_channels)
    if (channels % config.norm_num_groups != 0)
      reader.fail("block_out_channels", "holds " + std::to_string(channels) +
                                            ", which does not divide by the " +
                                            std::to_string(config.norm_num_groups) + " of norm_num_groups");
  config.layers_per_block = static_cast<int>(reader.integer("layers_per_block", 1, 32));
  read_channels(reader, config);
  config.scaling_factor = static_cast<float>(reader.number("scaling_factor", 1e-6, 1e6));
  config.shift_factor = static_cast<float>(reader.number("shift_factor", -1e6, 1e6));

  // Tiles overlap by a quarter, in whole latents.
  const int unit = 4 * config.scale();
  config.sample_size = static_cast<int>(reader.integer("sample_size", unit, 1 << 16));
  if (config.sample_size % unit != 0)
    reader.fail("sample_size", "is " + std::to_string(config.sample_size) + "; it must be a multiple of " +
                                   std::to_string(unit));
  return config;
}

}  // namespace sd35
