// The parts of a model that are not trained with the transformer: text encoders and autoencoder. What they
// compute is kept on disk, under keys that depend on their weights.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "image/image.h"
#include "ops/ops.h"
#include "text/prompt_encoder.h"
#include "vae/autoencoder.h"
#include "vae/config.h"
#include "weights/model/model_files.h"

namespace sd35::train {

// The latent distribution of pictures.
class LatentEncoder {
 public:
  LatentEncoder(const ModelFiles& files, const Ops& ops);
  LatentEncoder(const VaeConfig& config, const WeightSource& weights, const Ops& ops);
  const VaeConfig& config() const { return config_; }
  // Means and log variances of images of one size, [B, 2 C, h, w] f32.
  Tensor moments(std::span<const Image* const> images) const;

 private:
  VaeConfig config_;
  const Ops& ops_;
  VaeEncoder encoder_;
};

// Latents in the denoiser's scale, drawn from moments [2 C, h, w] with normal numbers [C, h, w].
Tensor draw_latents(const VaeConfig& config, const Tensor& moments, std::span<const float> normal);

// Parts of a prompt embedding that a training step leaves out, as zeros.
struct DroppedEncoders {
  bool clip_l = false, clip_g = false, t5 = false;
};
// `tokens` [M, D], `pooled` [P].
void drop_encoders(const EmbeddingLayout& layout, const DroppedEncoders& dropped, Tensor& tokens,
                   Tensor& pooled);

}  // namespace sd35::train
