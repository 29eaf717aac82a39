// The building blocks of the autoencoder; pictures are channels last, [B, Y, X, C].
// Reference: diffusers resnet.py (ResnetBlock2D), unet_2d_blocks.py (UNetMidBlock2D), attention_processor.py.
#pragma once

#include <optional>
#include <vector>

#include "ops/ops.h"
#include "weights/parameters.h"

namespace sd35 {

// h = conv(SiLU(norm(x))); h = conv(SiLU(norm(h))); x + h, with a 1x1 convolution of x where the channels
// change.
class ResnetBlock {
 public:
  ResnetBlock(std::int64_t in, std::int64_t out, int groups);
  void parameters(const Parameters& p);
  Tensor forward(const Ops& ops, Tensor x) const;

 private:
  GroupNorm norm_1_, norm_2_;
  Conv2d conv_1_, conv_2_;
  std::optional<Conv2d> shortcut_;
};

// Residual block, self-attention over all pixels with one head, residual block.
class MidBlock {
 public:
  MidBlock(std::int64_t channels, int groups);
  void parameters(const Parameters& p);
  Tensor forward(const Ops& ops, Tensor x) const;

 private:
  Tensor attend(const Ops& ops, Tensor x) const;

  std::int64_t channels_;
  ResnetBlock first_, second_;
  GroupNorm norm_;
  Linear qkv_, out_;
};

// A 3x3 convolution that keeps the size.
Conv2d conv3x3(std::int64_t in, std::int64_t out);

// A norm of the autoencoder.
GroupNorm group_norm(int groups, Activation act);

}  // namespace sd35
