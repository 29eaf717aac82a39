#include "train/objectives/clip_pair.h"

#include <ATen/ATen.h>

#include <array>

#include "ops/torch/torch_ops.h"

namespace sd35::train {
namespace {

constexpr int kGroups = 8;
constexpr std::int64_t kGrid = 4;
constexpr std::array kToChannelsLast{0, 2, 3, 1};

Conv2d halving(std::int64_t in, std::int64_t out) {
  Conv2d conv = conv3x3(in, out);
  conv.stride = 2;
  return conv;
}

at::Tensor unit(const at::Tensor& x) {
  constexpr double smallest = 1e-12;
  return x / x.norm(2, {1}, true).clamp_min(smallest);
}

// Mean over the rows of -sum(targets log softmax(logits)).
at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& targets) {
  return -(targets * at::log_softmax(logits, 1)).sum(1).mean();
}

}  // namespace

ImageTower::ImageTower(std::int64_t width, std::int64_t projection_dim)
    : conv_in_(halving(3, width)),
      last_(4 * width, 4 * width, kGroups),
      norm_(group_norm(kGroups, Activation::silu)) {
  std::int64_t in = width;
  for (const std::int64_t out : {width, 2 * width, 4 * width}) {
    levels_.push_back({ResnetBlock(in, out, kGroups), halving(out, out)});
    in = out;
  }
  projection_.in_features = kGrid * kGrid * in;
  projection_.out_features = projection_dim;
}

void ImageTower::parameters(const Parameters& p) {
  p.conv2d("conv_in", conv_in_);
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    const Parameters level = p.scope("levels").scope(static_cast<std::int64_t>(l));
    levels_[l].block.parameters(level.scope("block"));
    level.conv2d("downsample", levels_[l].downsample);
  }
  last_.parameters(p.scope("last"));
  p.group_norm("norm", norm_, levels_.back().downsample.out_channels);
  p.linear("projection", projection_, projection_.out_features, projection_.in_features);
}

Tensor ImageTower::forward(const Ops& ops, const Tensor& pictures) const {
  Tensor x = ops.conv2d(ops.permute(pictures, kToChannelsLast), conv_in_);  // [B, Y, X, C]
  for (const Level& level : levels_) x = ops.conv2d(level.block.forward(ops, std::move(x)), level.downsample);
  x = ops.group_norm(last_.forward(ops, std::move(x)), norm_);
  const at::Tensor grid = at::adaptive_avg_pool2d(to_torch(x).permute({0, 3, 1, 2}), {kGrid, kGrid});
  return ops.linear(from_torch(grid.flatten(1)), projection_, Activation::none, Out::f32);
}

ContrastiveLoss contrastive_loss(const at::Tensor& text, const at::Tensor& image, const at::Tensor& log_scale,
                                 const std::vector<std::int64_t>& identity) {
  constexpr double largest_scale = 100;
  const at::Tensor scale = log_scale.exp().clamp_max(largest_scale);
  const at::Tensor logits = scale * at::matmul(unit(text), unit(image).t());  // [texts, images]
  const at::Tensor ids = at::tensor(identity, at::TensorOptions(at::kLong)).to(logits.device());
  const at::Tensor same = (ids.unsqueeze(1) == ids.unsqueeze(0)).to(logits.scalar_type());
  const at::Tensor targets = same / same.sum(1, true);  // symmetric
  const at::Tensor nearest = logits.detach().argmax(1, true);
  return {(cross_entropy(logits, targets) + cross_entropy(logits.t(), targets)) / 2,
          same.gather(1, nearest).mean().item<double>()};
}

}  // namespace sd35::train
