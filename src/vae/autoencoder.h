// The 16-channel autoencoder: pictures to latents and back.
// Reference: diffusers autoencoder_kl.py and vae.py (AutoencoderKL, Encoder, Decoder).
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "ops/ops.h"
#include "vae/blocks.h"
#include "vae/config.h"
#include "vae/encoder_decoder.h"
#include "weights/parameters.h"

namespace sd35 {

class VaeEncoder final : public PictureEncoder {
 public:
  explicit VaeEncoder(const VaeConfig& config);
  void parameters(const Parameters& p) override;
  Tensor forward(const Ops& ops, const Tensor& picture,
                 const std::function<void()>& on_block = {}) const override;
  // Residual blocks and downsamplings.
  int block_count() const override;

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

class VaeDecoder final : public PictureDecoder {
 public:
  explicit VaeDecoder(const VaeConfig& config);
  void parameters(const Parameters& p) override;
  Tensor forward(const Ops& ops, const Tensor& latents, const std::function<void()>& on_block = {},
                 KeptMaps kept = KeptMaps::all) const override;
  // Residual blocks and upsamplings.
  int block_count() const override;

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

// The same of what an encoder gave, whichever network it is, in the denoiser's scale. A network without a
// posterior takes no noise.
Tensor denoiser_latents(const VaeConfig& config, const Tensor& encoded, const Tensor& noise);

}  // namespace sd35
