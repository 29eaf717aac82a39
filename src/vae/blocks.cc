#include "vae/blocks.h"

#include <array>
#include <cmath>

namespace sd35 {
Conv2d conv3x3(std::int64_t in, std::int64_t out) {
  Conv2d conv;
  conv.in_channels = in;
  conv.out_channels = out;
  return conv;
}

GroupNorm group_norm(int groups, Activation act) {
  GroupNorm norm;
  norm.groups = groups;
  norm.eps = 1e-6f;
  norm.act = act;
  return norm;
}

ResnetBlock::ResnetBlock(std::int64_t in, std::int64_t out, int groups)
    : norm_1_(group_norm(groups, Activation::silu)),
      norm_2_(norm_1_),
      conv_1_(conv3x3(in, out)),
      conv_2_(conv3x3(out, out)) {
  if (in == out) return;
  shortcut_ = conv3x3(in, out);
  shortcut_->kernel = 1;
  shortcut_->pad_before = shortcut_->pad_after = 0;
}

void ResnetBlock::parameters(const Parameters& p) {
  p.group_norm("norm1", norm_1_, conv_1_.in_channels);
  p.conv2d("conv1", conv_1_);
  p.group_norm("norm2", norm_2_, conv_2_.in_channels);
  p.conv2d("conv2", conv_2_);
  if (shortcut_) p.conv2d("conv_shortcut", *shortcut_);
}

Tensor ResnetBlock::forward(const Ops& ops, Tensor x) const {
  const Tensor h = ops.norm_conv2d(x, norm_1_, conv_1_);
  if (shortcut_) x = ops.conv2d(x, *shortcut_);
  return ops.norm_conv2d(h, norm_2_, conv_2_, std::move(x));
}

BandedOps::Map ResnetBlock::forward(const BandedOps& ops, BandedOps::Map x, KeptMaps kept) const {
  if (kept == KeptMaps::all || (kept != KeptMaps::none && !shortcut_)) x = ops.kept(x);
  BandedOps::Map residual = shortcut_ ? ops.conv2d(x, *shortcut_) : x;
  if (kept != KeptMaps::none) residual = ops.kept(residual);
  BandedOps::Map h = ops.norm_conv2d(x, norm_1_, conv_1_);
  if (kept >= KeptMaps::two) h = ops.kept(h);
  if (kept == KeptMaps::none) return ops.norm_conv2d(h, norm_2_, conv_2_, residual);
  return ops.add_in_place(residual, ops.norm_conv2d(h, norm_2_, conv_2_));
}

MidBlock::MidBlock(std::int64_t channels, int groups)
    : channels_(channels),
      first_(channels, channels, groups),
      second_(channels, channels, groups),
      norm_(group_norm(groups, Activation::none)) {}

void MidBlock::parameters(const Parameters& p) {
  first_.parameters(p.scope("resnets.0"));
  const Parameters attention = p.scope("attentions.0");
  attention.group_norm("group_norm", norm_, channels_);
  attention.fused_linear({"to_q", "to_k", "to_v"}, qkv_, channels_, channels_);
  attention.linear("to_out.0", out_, channels_, channels_);
  second_.parameters(p.scope("resnets.1"));
}

Tensor MidBlock::attend(const Ops& ops, Tensor x) const {
  AttentionOptions options;
  options.scale = 1.0f / std::sqrt(static_cast<float>(channels_));
  const Shape picture = x.shape();
  const Shape pixels{picture[0], picture[1] * picture[2], channels_};
  const Tensor normed = ops.group_norm(x, norm_).reshape(pixels);  // [B, Y X, C]
  const std::array stream{AttentionStream{ops.linear(normed, qkv_), {}, {}}};
  const Tensor attended = ops.linear(ops.attention(stream, options)[0], out_);
  return ops.add(std::move(x), attended.reshape(picture));
}

Tensor MidBlock::forward(const Ops& ops, Tensor x) const {
  x = first_.forward(ops, std::move(x));
  x = attend(ops, std::move(x));
  return second_.forward(ops, std::move(x));
}

}  // namespace sd35
