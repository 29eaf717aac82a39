// Pictures too large for one pass of the autoencoder, in overlapping tiles that are blended into each other.
// Reference: diffusers autoencoder_kl.py, tiled_decode and _tiled_encode.
//
// Tiles have config.sample_size pixels per side and overlap by a quarter. A tile sees only itself (group norm
// and attention included), so the result differs a little from that of the whole picture. Pictures whose
// sides are not larger than a tile run whole.
#pragma once

#include <functional>

#include "ops/ops.h"
#include "vae/config.h"
#include "vae/encoder_decoder.h"

namespace sd35 {

// Latents [B, C, h, w] f32 in the autoencoder's scale -> pictures [B, 3, 8 h, 8 w] f32. `on_block`: as
// PictureDecoder::forward, called decode_tile_count() times as often.
Tensor decode_tiled(const Ops& ops, const VaeConfig& config, const PictureDecoder& decoder,
                    const Tensor& latents, const std::function<void()>& on_block = {});

// Pictures [B, 3, Y, X] f32 -> mean and log variance [B, 2 C, Y / 8, X / 8] f32, blended before sampling.
// `on_block`: as PictureEncoder::forward, called encode_tile_count() times as often.
Tensor encode_tiled(const Ops& ops, const VaeConfig& config, const PictureEncoder& encoder,
                    const Tensor& picture, const std::function<void()>& on_block = {});

// Tiles of decode_tiled() for latents of h x w.
int decode_tile_count(const VaeConfig& config, std::int64_t h, std::int64_t w);
// Tiles of encode_tiled() for a picture of height x width pixels.
int encode_tile_count(const VaeConfig& config, std::int64_t height, std::int64_t width);

// How tiles lie in the input of a network and how its outputs are joined, in elements per side.
struct TileGeometry {
  std::int64_t tile = 0;    // of the input
  std::int64_t stride = 0;  // of the input, from tile to tile
  std::int64_t blend = 0;   // of the output: how far a tile fades in over its neighbour
  std::int64_t kept = 0;    // of the output: what a tile contributes

  bool is_tiled(std::int64_t height, std::int64_t width) const { return height > tile || width > tile; }
};

TileGeometry decode_geometry(const VaeConfig& config);
TileGeometry encode_geometry(const VaeConfig& config);

// Runs a network on the tiles of x [B, C, y, x] and joins the results; the network scales both sides by
// kept / stride.
Tensor run_tiled(const TileGeometry& geometry, const Tensor& x,
                 const std::function<Tensor(const Tensor& tile)>& network);

}  // namespace sd35
