#include "vae/tiny_autoencoder.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "core/error.h"
#include "vae/blocks.h"

namespace sd35 {
namespace {

constexpr std::array kTinyToChannelsLast{0, 2, 3, 1}, kTinyToPlanes{0, 3, 1, 2};

constexpr double kLiveTinyMaps = 3;  // a block's input, and a convolution's input and result

Tensor relu(const Ops& ops, const Tensor& x) { return ops.activate(x, Activation::relu); }

Tensor run_blocks(const Ops& ops, const std::vector<TinyBlock>& blocks, Tensor x) {
  for (const TinyBlock& block : blocks) x = block.forward(ops, x);
  return x;
}

// The levels of one half, all of one width; `first_in`: channels that go in.
std::vector<TinyLevel> levels_of(const VaeConfig& config, const std::vector<std::int64_t>& blocks,
                                 std::int64_t first_in) {
  const std::int64_t channels = config.block_out_channels.front();
  std::vector<TinyLevel> levels;
  for (const std::int64_t count : blocks)
    levels.push_back({conv3x3(levels.empty() ? first_in : channels, channels),
                      std::vector<TinyBlock>(static_cast<std::size_t>(count), TinyBlock(channels))});
  return levels;
}

// The layers of nn.Sequential by number. `between`: layers without weights after the first convolution and
// before the others.
void visit(const Parameters& p, std::vector<TinyLevel>& levels, Conv2d& conv_out, int after_first,
           int before_others) {
  const Parameters layers = p.scope("layers");
  int number = 0;
  for (std::size_t l = 0; l < levels.size(); ++l) {
    if (l > 0) number += before_others;
    layers.conv2d(std::to_string(number++), levels[l].conv, l == 0);
    if (l == 0) number += after_first;
    for (TinyBlock& block : levels[l].blocks) block.parameters(layers.scope(number++).scope("conv"));
  }
  layers.conv2d(std::to_string(number), conv_out);
}

// How many rows around a result's a level looks at, beside its own convolution.
std::int64_t reach(const TinyLevel& level) { return 3 * static_cast<std::int64_t>(level.blocks.size()); }

// The rows of a result [B, Y, X, C], some at a time, one below the other. `rows_of(begin, end)` makes them.
template <class RowsOf>
Tensor in_bands(const Ops& ops, std::int64_t height, std::int64_t step, RowsOf rows_of) {
  step = std::max<std::int64_t>(1, step);
  if (step >= height) return rows_of(0, height);
  std::vector<Tensor> bands;
  for (std::int64_t begin = 0; begin < height; begin += step)
    bands.push_back(rows_of(begin, std::min(begin + step, height)));
  return ops.concat(bands, 1);
}

// 3 tanh(z / 3): latents far out, which training never saw, do no harm.
Tensor bounded(const Tensor& latents) {
  Tensor result(latents.shape(), DType::f32);
  std::ranges::transform(latents.floats(), result.data<float>(),
                         [](float z) { return 3 * std::tanh(z / 3); });
  return result;
}

// y = a x + b
Tensor affine(const Tensor& x, float a, float b) {
  Tensor result(x.shape(), DType::f32);
  std::ranges::transform(x.floats(), result.data<float>(), [=](float value) { return a * value + b; });
  return result;
}

}  // namespace

TinyBlock::TinyBlock(std::int64_t channels)
    : conv_1_(conv3x3(channels, channels)), conv_2_(conv_1_), conv_3_(conv_1_) {}

void TinyBlock::parameters(const Parameters& p) {
  p.conv2d("0", conv_1_);
  p.conv2d("2", conv_2_);
  p.conv2d("4", conv_3_);
}

Tensor TinyBlock::forward(const Ops& ops, const Tensor& x) const {
  Tensor h = relu(ops, ops.conv2d(x, conv_1_));
  h = relu(ops, ops.conv2d(h, conv_2_));
  return relu(ops, ops.add(ops.conv2d(h, conv_3_), x));
}

TinyEncoder::TinyEncoder(const VaeConfig& config, std::int64_t band_elements)
    : levels_(levels_of(config, config.encoder_blocks, config.in_channels)),
      conv_out_(conv3x3(config.block_out_channels.front(), config.latent_channels)),
      band_elements_(band_elements) {
  for (std::size_t l = 1; l < levels_.size(); ++l) levels_[l].conv.stride = 2;
}

void TinyEncoder::parameters(const Parameters& p) { visit(p, levels_, conv_out_, 0, 0); }

Tensor TinyEncoder::forward(const Ops& ops, const Tensor& picture,
                            const std::function<void()>& on_block) const {
  const std::int64_t factor = std::int64_t{1} << (levels_.size() - 1);
  if (picture.dim(2) % factor != 0 || picture.dim(3) % factor != 0)
    throw ArgumentError("a picture of " + picture.shape().to_string() + " does not divide by " +
                        std::to_string(factor));
  const auto done = [&] {
    if (on_block) on_block();
  };
  const TinyLevel &full = levels_[0], &half = levels_[1];
  const Tensor pixels = ops.permute(affine(picture, 0.5f, 0.5f), kTinyToChannelsLast);  // [B, Y, X, 3]
  const std::int64_t Y = pixels.dim(1), X = pixels.dim(2), beside = reach(full) + 2;
  // The level of the picture's size, and what halves it.
  const std::int64_t step = band_elements_ / (2 * X * full.conv.out_channels);
  Tensor x = in_bands(ops, Y / 2, step, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t top = std::max<std::int64_t>(0, 2 * begin - beside) / 2 * 2;
    const std::int64_t bottom = std::min(Y, 2 * end + beside);
    Tensor band = ops.conv2d(ops.slice(pixels, 1, top, bottom), full.conv);
    band = ops.conv2d(run_blocks(ops, full.blocks, std::move(band)), half.conv);
    return ops.slice(band, 1, begin - top / 2, end - top / 2);
  });
  done();
  x = run_blocks(ops, half.blocks, std::move(x));  // [B, Y / 2, X / 2, C]
  done();
  for (std::size_t l = 2; l < levels_.size(); ++l) {
    x = run_blocks(ops, levels_[l].blocks, ops.conv2d(x, levels_[l].conv));
    done();
  }
  return ops.permute(ops.conv2d(x, conv_out_, Out::f32), kTinyToPlanes);  // [B, C, h, w]
}

TinyDecoder::TinyDecoder(const VaeConfig& config, std::int64_t band_elements)
    : levels_(levels_of(config, config.decoder_blocks, config.latent_channels)),
      conv_out_(conv3x3(config.block_out_channels.front(), config.out_channels)),
      band_elements_(band_elements) {}

void TinyDecoder::parameters(const Parameters& p) { visit(p, levels_, conv_out_, 1, 1); }

Tensor TinyDecoder::forward(const Ops& ops, const Tensor& latents, const std::function<void()>& on_block,
                            KeptMaps /*kept*/) const {
  const auto done = [&] {
    if (on_block) on_block();
  };
  const TinyLevel &first = levels_.front(), &full = levels_.back();
  Tensor x = ops.permute(bounded(latents), kTinyToChannelsLast);  // [B, h, w, C]
  x = run_blocks(ops, first.blocks, relu(ops, ops.conv2d(x, first.conv)));
  done();
  for (std::size_t l = 1; l + 1 < levels_.size(); ++l) {
    x = run_blocks(ops, levels_[l].blocks, ops.upsample_conv2d(x, levels_[l].conv));
    done();
  }
  // The level of the picture's size.
  const std::int64_t Y = 2 * x.dim(1), X = 2 * x.dim(2), beside = reach(full) + 2;
  const std::int64_t step = band_elements_ / (X * full.conv.out_channels);
  x = in_bands(ops, Y, step, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t top = std::max<std::int64_t>(0, begin - beside) / 2;
    const std::int64_t bottom = std::min(Y, end + beside + 1) / 2;
    Tensor band = ops.upsample_conv2d(ops.slice(x, 1, top, bottom), full.conv);
    band = ops.conv2d(run_blocks(ops, full.blocks, std::move(band)), conv_out_, Out::f32);
    return ops.slice(band, 1, begin - 2 * top, end - 2 * top);
  });
  done();
  return affine(ops.permute(x, kTinyToPlanes), 2, -1);  // [B, 3, Y, X]
}

double tiny_map_bytes(const VaeConfig& config, DType compute_type, double pixels) {
  const auto channels = static_cast<double>(config.block_out_channels.front());
  const double whole = channels * pixels, band = std::min(whole, static_cast<double>(kTinyBandElements));
  return kLiveTinyMaps * (whole / 4 + band) * static_cast<double>(size_of(compute_type));
}

}  // namespace sd35
