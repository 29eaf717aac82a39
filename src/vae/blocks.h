// The building blocks of the autoencoder; pictures are channels last, [B, Y, X, C].
// Reference: diffusers resnet.py (ResnetBlock2D), unet_2d_blocks.py (UNetMidBlock2D), attention_processor.py.
#pragma once

#include <optional>
#include <vector>

#include "ops/banded_ops.h"
#include "ops/ops.h"
#include "weights/parameters.h"

namespace sd35 {

// How many maps of its size a residual block keeps: those that it does not keep are made again, band by band,
// by whatever reads them. All: its input, too.
enum class KeptMaps : std::uint8_t { none, one, two, all };

// h = conv(SiLU(norm(x))); h = conv(SiLU(norm(h))); x + h, with a 1x1 convolution of x where the channels
// change.
class ResnetBlock {
 public:
  ResnetBlock(std::int64_t in, std::int64_t out, int groups);
  void parameters(const Parameters& p);
  Tensor forward(const Ops& ops, Tensor x) const;
  // The same in bands, to the same bits. Of one map the result is made, of two h too. The result takes the
  // place of x if that is kept and has its channels.
  BandedOps::Map forward(const BandedOps& ops, BandedOps::Map x, KeptMaps kept) const;

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
