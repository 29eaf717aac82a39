// The tiny autoencoder (TAESD3): latents to a picture and back at a twentieth of the cost, without fine lines.
// Reference: diffusers autoencoder_tiny.py (AutoencoderTiny) and vae.py (EncoderTiny, DecoderTiny).
//
// There is no normalization, so a pixel depends on its neighbourhood alone: the level of the picture's own
// size, whose maps would be the largest, is computed in bands of rows, which changes no value.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "ops/ops.h"
#include "vae/config.h"
#include "vae/encoder_decoder.h"
#include "weights/parameters.h"

namespace sd35 {

// y = relu(conv(relu(conv(relu(conv(x))))) + x)
class TinyBlock {
 public:
  explicit TinyBlock(std::int64_t channels);
  void parameters(const Parameters& p);
  Tensor forward(const Ops& ops, const Tensor& x) const;

 private:
  Conv2d conv_1_, conv_2_, conv_3_;
};

inline constexpr std::int64_t kTinyBandElements = std::int64_t{1} << 23;

// One size of the maps, from the convolution that leads to it.
struct TinyLevel {
  Conv2d conv;
  std::vector<TinyBlock> blocks;
};

class TinyEncoder final : public PictureEncoder {
 public:
  // `band_elements`: of the largest map in a band.
  explicit TinyEncoder(const VaeConfig& config, std::int64_t band_elements = kTinyBandElements);
  void parameters(const Parameters& p) override;
  // Gives latents, not a distribution.
  Tensor forward(const Ops& ops, const Tensor& picture,
                 const std::function<void()>& on_block = {}) const override;
  int block_count() const override { return static_cast<int>(levels_.size()); }

 private:
  std::vector<TinyLevel> levels_;  // from the picture on; all but the first halve the sides
  Conv2d conv_out_;
  std::int64_t band_elements_;
};

class TinyDecoder final : public PictureDecoder {
 public:
  explicit TinyDecoder(const VaeConfig& config, std::int64_t band_elements = kTinyBandElements);
  void parameters(const Parameters& p) override;
  // Keeps little in any case.
  Tensor forward(const Ops& ops, const Tensor& latents, const std::function<void()>& on_block = {},
                 KeptMaps kept = KeptMaps::all) const override;
  int block_count() const override { return static_cast<int>(levels_.size()); }

 private:
  std::vector<TinyLevel> levels_;  // from the latents on; all but the first double the sides
  Conv2d conv_out_;
  std::int64_t band_elements_;
};

// The most bytes that the maps of a picture of `pixels` are expected to take, in either direction.
double tiny_map_bytes(const VaeConfig& config, DType compute_type, double pixels);

}  // namespace sd35
