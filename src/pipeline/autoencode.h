// From latents to a picture, and from a picture to latents.
#pragma once

#include "core/progress.h"
#include "image/image.h"
#include "ops/ops.h"
#include "sd35/sd35.h"
#include "vae/autoencoder.h"
#include "vae/config.h"

namespace sd35 {

// How a picture is decoded.
struct Decoding {
  bool tiled = false;             // in tiles, if it is larger than one
  KeptMaps kept = KeptMaps::all;  // in one piece, in less memory: VaeDecoder::forward
};

// The most bytes that the feature maps of a picture (or tile) of `pixels` are expected to take. `widened`:
// bf16 is multiplied in f32.
double decoder_map_bytes(const VaeConfig& config, DType compute_type, bool widened, double pixels,
                         KeptMaps kept);

// Latents [1, C, h, w] f32 in the denoiser's scale -> a picture of 8 w x 8 h pixels. Throws NumericError when
// it holds NaN or infinity, Cancelled between two blocks.
Picture decode(const Ops& ops, const VaeConfig& config, const VaeDecoder& decoder, const Tensor& latents,
               Decoding way, const StageProgress& progress);

// The same of the encoder, of a picture (or tile) that goes in.
double encoder_map_bytes(const VaeConfig& config, DType compute_type, bool widened, double pixels);

// A picture whose sides are multiples of 8 -> mean and log variance [1, 2 C, h, w] f32 of its latents, in the
// autoencoder's scale. Throws NumericError when they hold NaN or infinity, Cancelled between two blocks.
Tensor encode(const Ops& ops, const VaeConfig& config, const VaeEncoder& encoder, const Image& picture,
              bool tiled, const StageProgress& progress);

}  // namespace sd35
