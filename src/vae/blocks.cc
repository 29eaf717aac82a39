#include "vae/blocks.h"

#include <array>
#include <cmath>

namespace sd35 {
namespace {

constexpr float kNormEps = 1e-6f;

}  // namespace

Conv2d conv3x3(std::int64_t in, std::int64_t out) {
  Conv2d conv;
  conv.in_channels = in;
  conv.out_channels = out;
  return conv;
}

void GroupNormWeights::parameters(const Parameters& p, std::int64_t channels) {
  p.tensor("weight", scale, {channels}, ParameterKind::norm_scale);
  p.tensor("bias", shift, {channels}, ParameterKind::norm_shift);
}

Tensor GroupNormWeights::forward(const Ops& ops, const Tensor& x, Activation act) const {
  return ops.group_norm(x, groups, scale, shift, kNormEps, act);
}

ResnetBlock::ResnetBlock(std::int64_t in, std::int64_t out, int groups)
    : conv_1_(conv3x3(in, out)), conv_2_(conv3x3(out, out)) {
  norm_1_.groups = norm_2_.groups = groups;
  if (in == out) return;
  shortcut_ = conv3x3(in, out);
  shortcut_->kernel = 1;
  shortcut_->pad_before = shortcut_->pad_after = 0;
}

void ResnetBlock::parameters(const Parameters& p) {
  norm_1_.parameters(p.scope("norm1"), conv_1_.in_channels);
  p.conv2d("conv1", conv_1_);
  norm_2_.parameters(p.scope("norm2"), conv_2_.in_channels);
  p.conv2d("conv2", conv_2_);
  if (shortcut_) p.conv2d("conv_shortcut", *shortcut_);
}

Tensor ResnetBlock::forward(const Ops& ops, Tensor x) const {
  Tensor h = ops.conv2d(norm_1_.forward(ops, x, Activation::silu), conv_1_);
  h = ops.conv2d(norm_2_.forward(ops, h, Activation::silu), conv_2_);
  if (shortcut_) x = ops.conv2d(x, *shortcut_);
  return ops.add(std::move(x), h);
}

MidBlock::MidBlock(std::int64_t channels, int groups)
    : channels_(channels), first_(channels, channels, groups), second_(channels, channels, groups) {
  norm_.groups = groups;
}

void MidBlock::parameters(const Parameters& p) {
  first_.parameters(p.scope("resnets.0"));
  const Parameters attention = p.scope("attentions.0");
  norm_.parameters(attention.scope("group_norm"), channels_);
  attention.fused_linear({"to_q", "to_k", "to_v"}, qkv_, channels_, channels_);
  attention.linear("to_out.0", out_, channels_, channels_);
  second_.parameters(p.scope("resnets.1"));
}

Tensor MidBlock::attend(const Ops& ops, Tensor x) const {
  AttentionOptions options;
  options.scale = 1.0f / std::sqrt(static_cast<float>(channels_));
  const Shape picture = x.shape();
  const Shape pixels{picture[0], picture[1] * picture[2], channels_};
  const Tensor normed = norm_.forward(ops, x, Activation::none).reshape(pixels);  // [B, Y X, C]
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
