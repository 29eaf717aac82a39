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

}  // namespace

VaeConfig VaeConfig::from_json(const nlohmann::json& json, const Location& location) {
  const ConfigReader reader(json, location);
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
  config.in_channels = static_cast<int>(reader.integer("in_channels", 3, 3));
  config.out_channels = static_cast<int>(reader.integer("out_channels", 3, 3));
  config.latent_channels = static_cast<int>(reader.integer("latent_channels", 1, 256));
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
