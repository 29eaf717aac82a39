// The sizes of the autoencoder, as vae/config.json of the diffusers layout gives them (AutoencoderKL or
// AutoencoderTiny).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/location.h"

namespace sd35 {

enum class VaeNetwork : std::uint8_t { kl, tiny };

struct VaeConfig {
  VaeNetwork network = VaeNetwork::kl;
  std::vector<std::int64_t> block_out_channels = {128, 256, 512, 512};  // of the tiny network all equal
  int layers_per_block = 2;                                             // of AutoencoderKL
  int norm_num_groups = 32;
  std::vector<std::int64_t> encoder_blocks, decoder_blocks;  // of each level of the tiny network
  int in_channels = 3;
  int out_channels = 3;
  int latent_channels = 16;
  int sample_size = 1024;  // pixels per side of a tile
  float scaling_factor = 1.5305f;
  float shift_factor = 0.0609f;

  // Whether the encoder gives a distribution of latents, and not the latents.
  bool has_posterior() const { return network == VaeNetwork::kl; }
  // Pixels per side that one latent covers: 8.
  int scale() const { return 1 << (block_out_channels.size() - 1); }

  // Of the class that `_class_name` says, AutoencoderKL where it says nothing. Throws FileError naming
  // `location` and the key when a value is missing, impossible or not supported (quant_conv layers).
  static VaeConfig from_json(const nlohmann::json& json, const Location& location);
};

}  // namespace sd35
