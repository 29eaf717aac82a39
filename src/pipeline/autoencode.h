// From latents to a picture, and from a picture to latents.
#pragma once

#include "core/progress.h"
#include "image/image.h"
#include "ops/ops.h"
#include "sd35/sd35.h"
#include "vae/config.h"
#include "vae/encoder_decoder.h"
#include "weights/source.h"

namespace sd35 {

// Whether a file holds the half that pictures go into; of tiny autoencoders it may be missing.
bool has_encoder(const WeightSource& vae);

// Throws what check_all_bound() throws where the weights are not those of `config`.
void check_autoencoder(const VaeConfig& config, const WeightSource& weights);

// Whether a picture is cut into tiles: the tiny autoencoder never is, its maps are small.
inline bool in_tiles(const VaeConfig& config, bool asked) {
  return asked && config.network != VaeNetwork::tiny;
}
// How a picture is decoded.
struct Decoding {
  bool tiled = false;             // in tiles, if it is larger than one
  KeptMaps kept = KeptMaps::all;  // in one piece, in less memory: VaeDecoder::forward
};

// The most bytes that the feature maps of a picture (or tile) of `pixels` are expected to take. `widened`:
// bf16 is multiplied in f32.
double decoder_map_bytes(const VaeConfig& config, DType compute_type, bool widened, double pixels,
                         KeptMaps kept);

// [1, 3, Y, X] f32 from -1 to 1 -> a picture of Y x X pixels. Throws NumericError when it holds NaN or
// infinity.
Picture picture_of(const Ops& ops, const Tensor& planes);

// Latents [1, C, h, w] f32 in the denoiser's scale -> a picture of 8 w x 8 h pixels. Throws NumericError when
// it holds NaN or infinity, Cancelled between two blocks.
Picture decode(const Ops& ops, const VaeConfig& config, const PictureDecoder& decoder, const Tensor& latents,
               Decoding way, const StageProgress& progress);

// The same of the encoder, of a picture (or tile) that goes in.
double encoder_map_bytes(const VaeConfig& config, DType compute_type, bool widened, double pixels);

// A picture whose sides are multiples of 8 -> what the encoder gives of its latents (PictureEncoder::forward).
// Throws NumericError when they hold NaN or infinity, Cancelled between two blocks.
Tensor encode(const Ops& ops, const VaeConfig& config, const PictureEncoder& encoder, const Image& picture,
              bool tiled, const StageProgress& progress);

}  // namespace sd35
