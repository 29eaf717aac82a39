// A rough picture of latents, without the autoencoder.
#pragma once

#include "core/tensor.h"
#include "sd35/sd35.h"

namespace sd35 {

// Latents [1, 16, h, w] in the denoiser's scale -> a picture of w x h, one pixel a latent, by a linear map of
// the channels (sd3.5 reference sd3_impls.py, SD3LatentFormat.decode_latent_to_preview). Other numbers of
// channels, which the map does not know, throw ArgumentError.
Picture preview_of(const Tensor& latents);

}  // namespace sd35
