#include "pipeline/autoencode.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "core/error.h"
#include "image/image.h"
#include "vae/autoencoder.h"
#include "vae/tiling.h"
#include "vae/tiny_autoencoder.h"
#include "weights/load.h"

namespace sd35 {
namespace {

// Beside the maps that are kept: bands of those that are not, and what they are converted to, or all of it
// if the picture is small. Measured.
constexpr double kBandMaps = 1.5, kWidenedMaps = 5;  // of the widest
constexpr double kBandBytes = 100e6, kThinBandBytes = 60e6, kBandBytesIfNoneIsKept = 115e6;
constexpr double kShareInBf16 = 0.6;  // of bands, where nothing is converted to f32

double most_of_bands(KeptMaps kept) {
  if (kept == KeptMaps::all) return kBandBytes;
  return kept == KeptMaps::none ? kBandBytesIfNoneIsKept : kThinBandBytes;
}

// `map`: elements of the widest, `kept`: of those that are alive at once.
double map_bytes(double map, double kept, double most_bands, DType compute_type, bool widened) {
  const auto element = static_cast<double>(size_of(compute_type));
  const double whole = kBandMaps * map * element + (widened ? kWidenedMaps * map * 4 : 0);
  const bool bf16 = compute_type == DType::bf16 && !widened;
  return kept * element + std::min(whole, most_bands * (bf16 ? kShareInBf16 : 1));
}

// What the first block of a level keeps, in channels of its size; the others keep less. `source`: the map
// that the level's input is upsampled from, a quarter of its size.
double kept_channels(double in, double source, double out, KeptMaps kept) {
  switch (kept) {
    case KeptMaps::none:
      return source;
    case KeptMaps::one:
      return source + out;
    case KeptMaps::two:
      return source + 2 * out;
    case KeptMaps::all:
      break;
  }
  return in + out + (in == out ? 0 : out);
}

}  // namespace

bool has_encoder(const WeightSource& vae) {
  return std::ranges::any_of(vae.names(),
                             [](const std::string& name) { return name.starts_with("encoder."); });
}

void check_autoencoder(const VaeConfig& config, const WeightSource& weights) {
  Autoencoder vae(config);
  check_all_bound(weights, [&](const Parameters& p) {
    if (config.network == VaeNetwork::kl || has_encoder(weights)) return vae.parameters(p);
    vae.decoder->parameters(p.scope("decoder"));
  });
}

double decoder_map_bytes(const VaeConfig& config, DType compute_type, bool widened, double pixels,
                         KeptMaps kept) {
  if (config.network == VaeNetwork::tiny)
    return tiny_map_bytes(config, widened ? DType::f32 : compute_type, pixels);
  const std::vector<std::int64_t>& channels = config.block_out_channels;
  double most = 0, share = 1;
  for (std::size_t l = 0; l < channels.size(); ++l, share /= 4) {
    const bool first = l + 1 == channels.size();
    const auto out = static_cast<double>(channels[l]),
               in = static_cast<double>(first ? channels[l] : channels[l + 1]);
    most = std::max(most, share * kept_channels(in, first ? in : in / 4, out, kept_in_level(kept, l)));
  }
  // The second level from the picture runs its upsampling at full size with its own channels.
  const std::int64_t widest = channels.size() > 1 ? std::max(channels[0], channels[1]) : channels[0];
  return map_bytes(pixels * static_cast<double>(widest), pixels * most, most_of_bands(kept), compute_type,
                   widened);
}

double encoder_map_bytes(const VaeConfig& config, DType compute_type, bool widened, double pixels) {
  if (config.network == VaeNetwork::tiny)
    return tiny_map_bytes(config, widened ? DType::f32 : compute_type, pixels);
  const double map = pixels * static_cast<double>(config.block_out_channels.front());
  return map_bytes(map, 2 * map, kBandBytes, compute_type, widened);
}

Picture picture_of(const Ops& ops, const Tensor& planes) {
  constexpr std::array kToPixels{0, 2, 3, 1};
  const Tensor pixels = ops.permute(planes, kToPixels);
  Image image = image_from_pixels(pixels.reshape({pixels.dim(1), pixels.dim(2), pixels.dim(3)}));
  return {image.width, image.height, std::move(image.rgb), {}};
}

Picture decode(const Ops& ops, const VaeConfig& config, const PictureDecoder& decoder, const Tensor& latents,
               Decoding way, const StageProgress& progress) {
  const bool tiled = in_tiles(config, way.tiled);
  const int tiles = tiled ? decode_tile_count(config, latents.dim(2), latents.dim(3)) : 1;
  int blocks_done = 0;
  const auto on_block = [&] {
    ops.trim();  // the next block's maps have other sizes
    progress.report(static_cast<double>(++blocks_done) / (tiles * decoder.block_count()));
  };
  const Tensor scaled = to_autoencoder_scale(config, latents);
  const Tensor planes = tiled ? decode_tiled(ops, config, decoder, scaled, on_block)
                              : decoder.forward(ops, scaled, on_block, way.kept);  // [1, 3, Y, X]
  try {
    return picture_of(ops, planes);
  } catch (...) {
    rethrow_with_context("decode");
  }
}

Tensor encode(const Ops& ops, const VaeConfig& config, const PictureEncoder& encoder, const Image& picture,
              bool asked_for_tiles, const StageProgress& progress) {
  const bool tiled = in_tiles(config, asked_for_tiles);
  const int tiles = tiled ? encode_tile_count(config, picture.height, picture.width) : 1;
  int blocks_done = 0;
  const auto on_block = [&] {
    ops.trim();  // the next block's maps have other sizes
    progress.report(static_cast<double>(++blocks_done) / (tiles * encoder.block_count()));
  };
  constexpr std::array kToPlanes{0, 3, 1, 2};
  const Tensor planes =
      ops.permute(pixels_from_image(picture).reshape({1, picture.height, picture.width, 3}), kToPlanes);
  Tensor moments =
      tiled ? encode_tiled(ops, config, encoder, planes, on_block) : encoder.forward(ops, planes, on_block);
  for (const float value : moments.floats())
    if (!std::isfinite(value)) throw NumericError("encode picture: the latents hold NaN or infinity");
  return moments;
}

}  // namespace sd35
