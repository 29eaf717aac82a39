// The second half of a CLIP pair, and what the pair learns from: the text tower is the model's own, the image
// tower only serves to train it and is thrown away. Reference: Radford et al. 2021 (arXiv 2103.00020), figure
// 3.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "ops/ops.h"
#include "vae/blocks.h"
#include "weights/parameters.h"

namespace sd35::train {

// A small convolutional network. Its features are kept in a grid of 4 x 4 until the end, so that "left of"
// can be learned.
class ImageTower {
 public:
  // `width`: channels at half the resolution, a multiple of 8; four times as many at the end.
  ImageTower(std::int64_t width, std::int64_t projection_dim);
  void parameters(const Parameters& p);
  // Pictures [B, 3, Y, X] f32 in [-1, 1], sides of at least 64 -> [B, projection_dim] f32.
  Tensor forward(const Ops& ops, const Tensor& pictures) const;

 private:
  struct Level {
    ResnetBlock block;
    Conv2d downsample;
  };
  Conv2d conv_in_;
  std::vector<Level> levels_;
  ResnetBlock last_;
  GroupNorm norm_;
  Linear projection_;
};

struct ContrastiveLoss {
  at::Tensor total;  // f32 with history
  double accuracy;   // share of the texts whose own picture is the nearest
};

// The symmetric cross entropy of all pairs of a batch: text and image [B, P], not normalized; `log_scale`
// [1], the logarithm of the inverse temperature, which is held below 100. Texts with equal `identity` [B] are
// the same text, and each matches the pictures of all of them.
ContrastiveLoss contrastive_loss(const at::Tensor& text, const at::Tensor& image, const at::Tensor& log_scale,
                                 const std::vector<std::int64_t>& identity);

}  // namespace sd35::train
