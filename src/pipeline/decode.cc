#include "pipeline/decode.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "image/image.h"
#include "vae/tiling.h"

namespace sd35 {
namespace {

// Feature maps of the last two levels that are alive at once: x, its normalized copy, the convolution's
// result and what it needs besides. Measured: 1.84 GB for 1024 x 1024 in bf16.
constexpr double kLiveMaps = 3.5;
// Where convolutions widen bf16, inputs, results and oneDNN's copies are there in f32 besides. Measured: 1.85
// GB for 512 x 512.
constexpr double kWidenedMaps = 5;
constexpr double kMostBytes = 2.5e9;

}  // namespace

double decoder_map_bytes(const VaeConfig& config, DType compute_type, bool widened, double pixels) {
  // The second level from the picture runs its upsampling at full size with its own channels.
  const std::vector<std::int64_t>& channels = config.block_out_channels;
  const std::int64_t widest = channels.size() > 1 ? std::max(channels[0], channels[1]) : channels[0];
  const double map = pixels * static_cast<double>(widest);
  return kLiveMaps * map * static_cast<double>(size_of(compute_type)) +
         (widened ? kWidenedMaps * map * 4 : 0);
}

bool wants_tiles(const VaeConfig& config, DType compute_type, std::int64_t h, std::int64_t w, bool asked) {
  if (asked) return true;
  const double pixels = static_cast<double>(h * w) * config.scale() * config.scale();
  return decoder_map_bytes(config, compute_type, false, pixels) > kMostBytes;
}

Picture decode(const Ops& ops, const VaeConfig& config, const VaeDecoder& decoder, const Tensor& latents,
               bool tiled, const StageProgress& progress) {
  const int tiles = tiled ? decode_tile_count(config, latents.dim(2), latents.dim(3)) : 1;
  int blocks_done = 0;
  const auto on_block = [&] {
    trim_pool();  // the next block's maps have other sizes
    progress.report(static_cast<double>(++blocks_done) / (tiles * decoder.block_count()));
  };
  const Tensor scaled = to_autoencoder_scale(config, latents);
  const Tensor planes = tiled ? decode_tiled(ops, config, decoder, scaled, on_block)
                              : decoder.forward(ops, scaled, on_block);  // [1, 3, Y, X]
  constexpr std::array kToPixels{0, 2, 3, 1};
  const Tensor pixels = ops.permute(planes, kToPixels);
  try {
    Image image = image_from_pixels(pixels.reshape({pixels.dim(1), pixels.dim(2), pixels.dim(3)}));
    return {image.width, image.height, std::move(image.rgb), {}};
  } catch (...) {
    rethrow_with_context("decode");
  }
}

}  // namespace sd35
