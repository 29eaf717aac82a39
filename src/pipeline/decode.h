// From latents to a picture.
#pragma once

#include "core/progress.h"
#include "ops/ops.h"
#include "sd35/sd35.h"
#include "vae/autoencoder.h"
#include "vae/config.h"

namespace sd35 {

// The most bytes that the feature maps of a picture (or tile) of `pixels` are expected to take. `widened`:
// bf16 is multiplied in f32.
double decoder_map_bytes(const VaeConfig& config, DType compute_type, bool widened, double pixels);

// Latents [1, C, h, w] f32 in the denoiser's scale -> a picture of 8 w x 8 h pixels. Throws NumericError when
// it holds NaN or infinity, Cancelled between two blocks.
Picture decode(const Ops& ops, const VaeConfig& config, const VaeDecoder& decoder, const Tensor& latents,
               bool tiled, const StageProgress& progress);

}  // namespace sd35
