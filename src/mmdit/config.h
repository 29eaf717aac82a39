// The sizes of an MMDiT-X, as transformer/config.json of the diffusers layout gives them
// (SD3Transformer2DModel).
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "core/location.h"

namespace sd35 {

struct MmditConfig {
  int num_layers = 24;
  int num_attention_heads = 24;
  int attention_head_dim = 64;
  int in_channels = 16;
  int out_channels = 16;
  int patch_size = 2;
  std::int64_t joint_attention_dim = 4096;    // width of the prompt embedding
  std::int64_t pooled_projection_dim = 2048;  // width of the pooled projection
  int sample_size = 128;                      // side of the latents the model works best with
  int pos_embed_max_size = 384;               // patches per side of the positional table
  bool qk_norm = true;                        // RMS norm of queries and keys
  std::vector<bool> dual_attention;           // [num_layers]: blocks with a second self-attention
  // Trained to change a picture whose tokens stand before those of the drawing (SD3.5 Medium Kontext).
  bool reference_tokens = false;

  std::int64_t width() const { return static_cast<std::int64_t>(num_attention_heads) * attention_head_dim; }

  // Throws FileError naming `location` and the key when a value is missing, impossible or not supported.
  static MmditConfig from_json(const nlohmann::json& json, const Location& location);
};

}  // namespace sd35
