// The loss of an autoencoder: the pictures it reconstructs, and latents that stay near a unit normal
// distribution. Reference: Kingma and Welling 2014 (arXiv 1312.6114), with the weights of latent diffusion
// (arXiv 2112.10752, appendix G) but no discriminator.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "vae/autoencoder.h"

namespace sd35::train {

enum class Reconstruction : std::uint8_t { l1, mse };

struct AutoencoderLossOptions {
  Reconstruction reconstruction = Reconstruction::l1;
  double kl = 1e-6;
  double perceptual = 0;
};

// Each without its factor, f32; all but `total` are without history.
struct AutoencoderLoss {
  at::Tensor total;           // reconstruction + options.kl * kl + options.perceptual * perceptual
  at::Tensor reconstruction;  // mean |picture - decoded|, or its square
  at::Tensor kl;          // KL divergence of the latents from N(0, 1), summed, per element of the pictures
  at::Tensor perceptual;  // gradient_difference()
};

// Encodes, draws mean + exp(log variance / 2) noise and decodes. `pictures` [B, 3, Y, X] f32 in [-1, 1],
// `noise` [B, C, Y / 8, X / 8] normal. `disturbance`, of the same shape or undefined, is added to what is
// decoded.
AutoencoderLoss autoencoder_loss(const Ops& ops, const VaeEncoder& encoder, const VaeDecoder& decoder,
                                 const Tensor& pictures, const Tensor& noise,
                                 const AutoencoderLossOptions& options, const Tensor& disturbance = {});

// The perceptual term, which needs no network: the mean difference of horizontal and vertical slopes at full,
// half and quarter size. Blurred edges and strokes of letters cost more than in the difference of pixels. a,
// b [B, C, Y, X].
at::Tensor gradient_difference(const at::Tensor& a, const at::Tensor& b);

}  // namespace sd35::train
