#include "vae/autoencoder.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr std::array kToChannelsLast{0, 2, 3, 1};
constexpr std::array kToPlanes{0, 3, 1, 2};

Tensor map(const Tensor& x, const std::function<float(float)>& f) {
  Tensor y(x.shape(), DType::f32);
  std::ranges::transform(x.floats(), y.data<float>(), f);
  return y;
}

const VaeConfig& of_this_network(const VaeConfig& config) {
  if (config.network != VaeNetwork::kl)
    throw ArgumentError("a tiny autoencoder can be drawn with, but not trained; this needs an AutoencoderKL",
                        "vae");
  return config;
}

}  // namespace

VaeEncoder::VaeEncoder(const VaeConfig& config)
    : conv_in_(conv3x3(of_this_network(config).in_channels, config.block_out_channels.front())),
      mid_(config.block_out_channels.back(), config.norm_num_groups),
      norm_out_(group_norm(config.norm_num_groups, Activation::silu)),
      conv_out_(
          conv3x3(config.block_out_channels.back(), 2 * static_cast<std::int64_t>(config.latent_channels))) {
  std::int64_t in = config.block_out_channels.front();
  for (std::size_t l = 0; l < config.block_out_channels.size(); ++l) {
    const std::int64_t out = config.block_out_channels[l];
    Level level;
    for (int j = 0; j < config.layers_per_block; ++j)
      level.blocks.emplace_back(j == 0 ? in : out, out, config.norm_num_groups);
    if (l + 1 < config.block_out_channels.size()) {
      level.downsample = conv3x3(out, out);
      level.downsample->stride = 2;
      level.downsample->pad_before = 0;  // zeros on the right and at the bottom only
    }
    levels_.push_back(std::move(level));
    in = out;
  }
}

void VaeEncoder::parameters(const Parameters& p) {
  p.conv2d("conv_in", conv_in_);
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    const Parameters level = p.scope("down_blocks").scope(static_cast<std::int64_t>(l));
    for (std::size_t j = 0; j < levels_[l].blocks.size(); ++j)
      levels_[l].blocks[j].parameters(level.scope("resnets").scope(static_cast<std::int64_t>(j)));
    if (levels_[l].downsample) level.scope("downsamplers.0").conv2d("conv", *levels_[l].downsample);
  }
  mid_.parameters(p.scope("mid_block"));
  p.group_norm("conv_norm_out", norm_out_, conv_out_.in_channels);
  p.conv2d("conv_out", conv_out_);
}

int VaeEncoder::block_count() const {
  int count = 0;
  for (const Level& level : levels_)
    count += static_cast<int>(level.blocks.size()) + (level.downsample ? 1 : 0);
  return count;
}

Tensor VaeEncoder::forward(const Ops& ops, const Tensor& picture,
                           const std::function<void()>& on_block) const {
  const auto done = [&] {
    if (on_block) on_block();
  };
  const std::int64_t factor = std::int64_t{1} << (levels_.size() - 1);
  if (picture.dim(2) % factor != 0 || picture.dim(3) % factor != 0)
    throw ArgumentError("a picture of " + picture.shape().to_string() + " does not divide by " +
                        std::to_string(factor));
  Tensor x = ops.conv2d(ops.permute(picture, kToChannelsLast), conv_in_);  // [B, Y, X, C]
  for (const Level& level : levels_) {
    for (const ResnetBlock& block : level.blocks) {
      x = block.forward(ops, std::move(x));
      done();
    }
    if (!level.downsample) continue;
    x = ops.conv2d(x, *level.downsample);
    done();
  }
  x = mid_.forward(ops, std::move(x));
  x = ops.norm_conv2d(x, norm_out_, conv_out_, {}, Out::f32);
  return ops.permute(x, kToPlanes);
}

KeptMaps kept_in_level(KeptMaps kept, std::size_t before) {
  return static_cast<KeptMaps>(
      std::min(static_cast<std::size_t>(kept) + before, static_cast<std::size_t>(KeptMaps::all)));
}

VaeDecoder::VaeDecoder(const VaeConfig& config)
    : conv_in_(conv3x3(of_this_network(config).latent_channels, config.block_out_channels.back())),
      mid_(config.block_out_channels.back(), config.norm_num_groups),
      norm_out_(group_norm(config.norm_num_groups, Activation::silu)),
      conv_out_(conv3x3(config.block_out_channels.front(), config.out_channels)) {
  std::int64_t in = config.block_out_channels.back();
  for (std::size_t l = config.block_out_channels.size(); l-- > 0;) {
    const std::int64_t out = config.block_out_channels[l];
    Level level;
    for (int j = 0; j <= config.layers_per_block; ++j)
      level.blocks.emplace_back(j == 0 ? in : out, out, config.norm_num_groups);
    if (l > 0) level.upsample = conv3x3(out, out);
    levels_.push_back(std::move(level));
    in = out;
  }
}

void VaeDecoder::parameters(const Parameters& p) {
  p.conv2d("conv_in", conv_in_);
  mid_.parameters(p.scope("mid_block"));
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    const Parameters level = p.scope("up_blocks").scope(static_cast<std::int64_t>(l));
    for (std::size_t j = 0; j < levels_[l].blocks.size(); ++j)
      levels_[l].blocks[j].parameters(level.scope("resnets").scope(static_cast<std::int64_t>(j)));
    if (levels_[l].upsample) level.scope("upsamplers.0").conv2d("conv", *levels_[l].upsample);
  }
  p.group_norm("conv_norm_out", norm_out_, conv_out_.in_channels);
  p.conv2d("conv_out", conv_out_);
}

int VaeDecoder::block_count() const {
  int count = 1;
  for (const Level& level : levels_)
    count += static_cast<int>(level.blocks.size()) + (level.upsample ? 1 : 0);
  return count;
}

Tensor VaeDecoder::forward(const Ops& ops, const Tensor& latents, const std::function<void()>& on_block,
                           KeptMaps kept) const {
  const auto done = [&] {
    if (on_block) on_block();
  };
  Tensor x = ops.conv2d(ops.permute(latents, kToChannelsLast), conv_in_);  // [B, h, w, C]
  x = mid_.forward(ops, std::move(x));
  done();
  if (kept != KeptMaps::all && ops.banded() != nullptr) {
    std::vector<Tensor> pictures;
    for (std::int64_t b = 0; b < x.dim(0); ++b)
      pictures.push_back(levels_in_bands(ops, x.rows(b, b + 1), done, kept));
    return ops.permute(ops.concat(pictures, 0), kToPlanes);
  }
  int index = 0;
  for (const Level& level : levels_) {
    const PartOfWork part(ops, "level", index++);
    for (const ResnetBlock& block : level.blocks) {
      x = block.forward(ops, std::move(x));
      done();
    }
    if (!level.upsample) continue;
    x = ops.upsample_conv2d(x, *level.upsample);
    done();
  }
  x = ops.norm_conv2d(x, norm_out_, conv_out_, {}, Out::f32);
  return ops.permute(x, kToPlanes);  // [B, 3, Y, X]
}

Tensor VaeDecoder::levels_in_bands(const Ops& ops, const Tensor& x, const std::function<void()>& done,
                                   KeptMaps kept) const {
  const BandedOps& bands = *ops.banded();
  BandedOps::Map map = bands.kept_map(x);
  for (std::size_t l = 0; l < levels_.size(); ++l) {
    const PartOfWork part(ops, "level", static_cast<int>(l));
    const KeptMaps kept_here = kept_in_level(kept, levels_.size() - 1 - l);
    for (const ResnetBlock& block : levels_[l].blocks) {
      map = block.forward(bands, std::move(map), kept_here);
      done();
    }
    if (!levels_[l].upsample) continue;
    map = bands.upsample_conv2d(std::move(map), *levels_[l].upsample);
    done();
  }
  return bands.whole(bands.norm_conv2d(map, norm_out_, conv_out_, {}, Out::f32));
}

Tensor to_denoiser_scale(const VaeConfig& config, const Tensor& latents) {
  return map(latents, [&](float z) { return (z - config.shift_factor) * config.scaling_factor; });
}

Tensor to_autoencoder_scale(const VaeConfig& config, const Tensor& latents) {
  return map(latents, [&](float z) { return z / config.scaling_factor + config.shift_factor; });
}

Tensor sample_posterior(const Tensor& moments, const Tensor& noise) {
  const std::int64_t B = moments.dim(0), C = moments.dim(1) / 2, pixels = moments.dim(2) * moments.dim(3);
  Tensor latents({B, C, moments.dim(2), moments.dim(3)}, DType::f32);
  if (noise.defined() && noise.shape() != latents.shape())
    throw Error("noise of " + noise.shape().to_string() + " for latents of " + latents.shape().to_string());
  for (std::int64_t b = 0; b < B; ++b)
    for (std::int64_t i = 0; i < C * pixels; ++i) {
      const float mean = moments.data<float>()[b * 2 * C * pixels + i];
      const float log_variance =
          std::clamp(moments.data<float>()[(b * 2 + 1) * C * pixels + i], -30.0f, 20.0f);
      const std::int64_t at = b * C * pixels + i;
      latents.data<float>()[at] =
          noise.defined() ? mean + std::exp(0.5f * log_variance) * noise.data<float>()[at] : mean;
    }
  return latents;
}

Tensor denoiser_latents(const VaeConfig& config, const Tensor& encoded, const Tensor& noise) {
  return to_denoiser_scale(config, config.has_posterior() ? sample_posterior(encoded, noise) : encoded);
}

}  // namespace sd35
