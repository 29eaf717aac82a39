// Colours of an autoencoder's latents, for previews of what a transformer draws.
#pragma once

#include <vector>

#include "core/tensor.h"
#include "image/image.h"
#include "pipeline/preview.h"
#include "vae/config.h"

namespace sd35::train {

// The linear map from latents to pictures with the least expected squared error, where each latent gives the
// mean colour of the pixels that it stands for.
class PreviewFit {
 public:
  // `moments` [2 C, h, w], means and log variances, of a picture of whole latents.
  void add(const Image& picture, const Tensor& moments);
  // For latents in the scale of `config`'s denoiser.
  PreviewColours colours(const VaeConfig& config) const;

 private:
  std::vector<Tensor> moments_;  // [2 C, h w]
  std::vector<Tensor> colours_;  // [h w, 3], -1 to 1
};

}  // namespace sd35::train
