#include "train/samples/frozen_parts.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "weights/load.h"

namespace sd35::train {

LatentEncoder::LatentEncoder(const ModelFiles& files, const Ops& ops)
    : LatentEncoder(VaeConfig::from_json(files.config(Component::vae), files.config_location(Component::vae)),
                    *files.weights(Component::vae), ops) {}

LatentEncoder::LatentEncoder(const VaeConfig& config, const WeightSource& weights, const Ops& ops)
    : config_(config), ops_(ops), encoder_(config_) {
  Loader loader(weights, ops, Reuse::many);
  encoder_.parameters(Parameters(loader).scope("encoder"));
}

Tensor LatentEncoder::moments(std::span<const Image* const> images) const {
  constexpr std::array kToPlanes{0, 3, 1, 2};
  std::vector<Tensor> pixels;
  for (const Image* image : images)
    pixels.push_back(pixels_from_image(*image).reshape({1, image->height, image->width, 3}));
  return encoder_.forward(ops_, ops_.permute(ops_.concat(pixels, 0), kToPlanes));
}

Tensor draw_latents(const VaeConfig& config, const Tensor& moments, std::span<const float> normal) {
  const Shape shape{1, moments.dim(0) / 2, moments.dim(1), moments.dim(2)};
  const Tensor noise = Tensor::from(shape, normal);
  const Tensor latents =
      sample_posterior(moments.reshape({1, moments.dim(0), moments.dim(1), moments.dim(2)}), noise);
  return to_denoiser_scale(config, latents).reshape({shape[1], shape[2], shape[3]});
}

void drop_encoders(const EmbeddingLayout& layout, const DroppedEncoders& dropped, Tensor& tokens,
                   Tensor& pooled) {
  const std::int64_t M = tokens.dim(0), D = tokens.dim(1);
  const auto zero_columns = [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = 0; row < layout.clip_tokens; ++row)
      std::fill(tokens.data<float>() + row * D + begin, tokens.data<float>() + row * D + end, 0.0f);
  };
  const auto zero_pooled = [&](std::int64_t begin, std::int64_t end) {
    std::fill(pooled.data<float>() + begin, pooled.data<float>() + end, 0.0f);
  };
  if (dropped.clip_l) {
    zero_columns(0, layout.clip_l_width);
    zero_pooled(0, layout.clip_l_pooled);
  }
  if (dropped.clip_g) {
    zero_columns(layout.clip_l_width, layout.clip_width());
    zero_pooled(layout.clip_l_pooled, layout.pooled_width());
  }
  if (dropped.t5)
    std::fill(tokens.data<float>() + layout.clip_tokens * D, tokens.data<float>() + M * D, 0.0f);
}

}  // namespace sd35::train
