// The 16-channel autoencoder: pictures to latents and back.
// Reference: diffusers autoencoder_kl.py and vae.py (AutoencoderKL, Encoder, Decoder).
#pragma once

#include <functional>
#include <vector>

#include "ops/ops.h"
#include "vae/blocks.h"
#include "vae/config.h"
#include "weights/parameters.h"

namespace sd35 {

class VaeEncoder {
 public:
  explicit VaeEncoder(const VaeConfig& config);
  // Names below "encoder".
  void parameters(const Parameters& p);
  // Pictures [B, 3, Y, X] f32 in [-1, 1] -> mean and log variance, [B, 2 C, Y / 8, X / 8] f32. `on_block`: as
  // VaeDecoder::forward.
  Tensor forward(const Ops& ops, const Tensor& picture, const std::function<void()>& on_block = {}) const;
  // Residual blocks and downsamplings: how often on_block is called.
  int block_count() const;

 private:
  struct Level {
    std::vector<ResnetBlock> blocks;
    std::optional<Conv2d> downsample;
  };
  Conv2d conv_in_;
  std::vector<Level> levels_;
  MidBlock mid_;
  GroupNorm norm_out_;
  Conv2d conv_out_;
};

// What a level of the decoder keeps that is `before` levels before the last: its maps are smaller, so more of
// them take less.
KeptMaps kept_in_level(KeptMaps kept, std::size_t before);

class VaeDecoder {
 public:
  explicit VaeDecoder(const VaeConfig& config);
  // Names below "decoder".
  void parameters(const Parameters& p);
  // Latents [B, C, h, w] f32 in the autoencoder's own scale -> pictures [B, 3, 8 h, 8 w] f32, about -1 to 1.
  // `on_block`, when set, is called between blocks; it may throw Cancelled. `kept`: which maps of the last
  // level are in memory at once, if the engine has bands; the fewer, the slower. Values are the same to the
  // last bit.
  Tensor forward(const Ops& ops, const Tensor& latents, const std::function<void()>& on_block = {},
                 KeptMaps kept = KeptMaps::all) const;
  // Residual blocks and upsamplings: how often on_block is called.
  int block_count() const;

 private:
  struct Level {
    std::vector<ResnetBlock> blocks;
    std::optional<Conv2d> upsample;
  };
  // From the result of the middle block [1, h, w, C] to the picture [1, Y, X, 3].
  Tensor levels_in_bands(const Ops& ops, const Tensor& x, const std::function<void()>& done,
                         KeptMaps kept) const;

  Conv2d conv_in_;
  MidBlock mid_;
  std::vector<Level> levels_;
  GroupNorm norm_out_;
  Conv2d conv_out_;
};

// Between the scale of the autoencoder and that of the denoiser, where latents have about unit variance.
Tensor to_denoiser_scale(const VaeConfig& config, const Tensor& latents);     // (z - shift) * scale
Tensor to_autoencoder_scale(const VaeConfig& config, const Tensor& latents);  // z / scale + shift

// A latent drawn from the encoder's output: mean + exp(log variance / 2) * noise, [B, C, h, w]; without noise
// (an undefined tensor) the mean. The log variance is clamped to [-30, 20].
Tensor sample_posterior(const Tensor& moments, const Tensor& noise);

}  // namespace sd35
