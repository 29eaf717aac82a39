// The two halves of an autoencoder, whichever network they are: AutoencoderKL (vae/autoencoder.h) or the tiny
// one (vae/tiny_autoencoder.h).
#pragma once

#include <functional>
#include <memory>

#include "ops/ops.h"
#include "vae/blocks.h"
#include "vae/config.h"
#include "weights/parameters.h"

namespace sd35 {

class PictureEncoder {
 public:
  virtual ~PictureEncoder() = default;
  // Names below "encoder".
  virtual void parameters(const Parameters& p) = 0;
  // Pictures [B, 3, Y, X] f32 in [-1, 1] -> [B, K, Y / 8, X / 8] f32 in the autoencoder's own scale: mean and
  // log variance where the network gives a distribution (VaeConfig::has_posterior; K is 2 C), else the
  // latents. `on_block`, when set, is called between blocks; it may throw Cancelled.
  virtual Tensor forward(const Ops& ops, const Tensor& picture,
                         const std::function<void()>& on_block = {}) const = 0;
  // How often on_block is called.
  virtual int block_count() const = 0;
};

class PictureDecoder {
 public:
  virtual ~PictureDecoder() = default;
  // Names below "decoder".
  virtual void parameters(const Parameters& p) = 0;
  // Latents [B, C, h, w] f32 in the autoencoder's own scale -> pictures [B, 3, 8 h, 8 w] f32, about -1 to 1.
  // `on_block`: as PictureEncoder::forward. `kept`: which maps of the last level are in memory at once, if the
  // engine has bands; the fewer, the slower. Values are the same to the last bit.
  virtual Tensor forward(const Ops& ops, const Tensor& latents, const std::function<void()>& on_block = {},
                         KeptMaps kept = KeptMaps::all) const = 0;
  virtual int block_count() const = 0;
};

std::unique_ptr<PictureEncoder> make_encoder(const VaeConfig& config);
std::unique_ptr<PictureDecoder> make_decoder(const VaeConfig& config);

struct Autoencoder {
  explicit Autoencoder(const VaeConfig& config)
      : encoder(make_encoder(config)), decoder(make_decoder(config)) {}
  // The names of its files.
  void parameters(const Parameters& p) {
    encoder->parameters(p.scope("encoder"));
    decoder->parameters(p.scope("decoder"));
  }

  std::unique_ptr<PictureEncoder> encoder;
  std::unique_ptr<PictureDecoder> decoder;
};

}  // namespace sd35
