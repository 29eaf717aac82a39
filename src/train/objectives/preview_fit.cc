#include "train/objectives/preview_fit.h"

#include <ATen/ATen.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "ops/torch/torch_ops.h"

namespace sd35::train {
namespace {

// [h w, 3], from -1 to 1
Tensor mean_colours(const Image& picture, int height, int width) {
  const int side = picture.height / height;
  Tensor colours = Tensor::zeros({std::int64_t{height} * width, 3});
  float* sums = colours.data<float>();
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x)
      for (int c = 0; c < 3; ++c)
        sums[(y / side * width + x / side) * 3 + c] +=
            static_cast<float>(picture.rgb[static_cast<std::size_t>((y * picture.width + x) * 3 + c)]);
  const auto pixels = static_cast<float>(side * side);
  for (std::int64_t i = 0; i < colours.numel(); ++i) sums[i] = sums[i] / pixels / 127.5f - 1;
  return colours;
}

}  // namespace

void PreviewFit::add(const Image& picture, const Tensor& moments) {
  colours_.push_back(
      mean_colours(picture, static_cast<int>(moments.dim(1)), static_cast<int>(moments.dim(2))));
  moments_.push_back(moments.reshape({moments.dim(0), moments.dim(1) * moments.dim(2)}));
}

PreviewColours PreviewFit::colours(const VaeConfig& config) const {
  const std::int64_t C = config.latent_channels;
  at::Tensor squares = at::zeros({C + 1, C + 1}, at::kDouble), products = at::zeros({C + 1, 3}, at::kDouble);
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    const at::Tensor moments = to_torch(moments_[i]).to(at::kDouble);  // [2 C, h w]
    const at::Tensor means = (moments.narrow(0, 0, C) - config.shift_factor) * config.scaling_factor;
    const at::Tensor variances =
        moments.narrow(0, C, C).clamp(-30, 20).exp() * std::pow(config.scaling_factor, 2);
    const at::Tensor ones = at::ones({1, means.size(1)}, at::kDouble);
    const at::Tensor features = at::cat({means, ones});  // [C + 1, h w]
    squares += features.matmul(features.t());
    squares.diagonal().narrow(0, 0, C) += variances.sum(1);
    products += features.matmul(to_torch(colours_[i]).to(at::kDouble));
  }
  const at::Tensor map = at::linalg_solve(squares, products).to(at::kFloat);  // [C + 1, 3]
  const auto row = [&](std::int64_t i) {
    std::array<float, 3> colour{};
    for (std::size_t c = 0; c < 3; ++c) colour[c] = map[i][static_cast<std::int64_t>(c)].item<float>();
    return colour;
  };
  PreviewColours colours;
  for (std::int64_t i = 0; i < C; ++i) colours.channels.push_back(row(i));
  colours.bias = row(C);
  return colours;
}

}  // namespace sd35::train
