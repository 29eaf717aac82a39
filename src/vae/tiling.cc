#include "vae/tiling.h"

#include <algorithm>
#include <vector>

namespace sd35 {
namespace {

// x[:, :, top : top + rows, left : left + columns] of [B, C, y, x].
Tensor crop(const Tensor& x, std::int64_t top, std::int64_t left, std::int64_t rows, std::int64_t columns) {
  const std::int64_t planes = x.dim(0) * x.dim(1), height = x.dim(2), width = x.dim(3);
  Tensor result({x.dim(0), x.dim(1), rows, columns}, DType::f32);
  float* to = result.data<float>();
  for (std::int64_t plane = 0; plane < planes; ++plane)
    for (std::int64_t r = 0; r < rows; ++r, to += columns)
      std::copy_n(x.data<float>() + (plane * height + top + r) * width + left, columns, to);
  return result;
}

// The first rows and columns of `tile` into `target` at (top, left), as far as both reach.
void paste(const Tensor& tile, std::int64_t kept, Tensor& target, std::int64_t top, std::int64_t left) {
  const std::int64_t height = target.dim(2), width = target.dim(3);
  const std::int64_t rows = std::min({kept, tile.dim(2), height - top});
  const std::int64_t columns = std::min({kept, tile.dim(3), width - left});
  for (std::int64_t plane = 0; plane < tile.dim(0) * tile.dim(1); ++plane)
    for (std::int64_t r = 0; r < rows; ++r)
      std::copy_n(tile.data<float>() + (plane * tile.dim(2) + r) * tile.dim(3), columns,
                  target.data<float>() + (plane * height + top + r) * width + left);
}

// Fades `tile` in over the last rows (dimension 2) or columns (dimension 3) of the neighbour before it.
void blend(const Tensor& neighbour, Tensor& tile, int dim, std::int64_t extent) {
  extent = std::min({neighbour.dim(dim), tile.dim(dim), extent});
  const std::int64_t planes = tile.dim(0) * tile.dim(1);
  const std::int64_t across =
      dim == 2 ? std::min(tile.dim(3), neighbour.dim(3)) : std::min(tile.dim(2), neighbour.dim(2));
  const auto at = [](const Tensor& t, std::int64_t plane, std::int64_t y, std::int64_t x) {
    return (plane * t.dim(2) + y) * t.dim(3) + x;
  };
  for (std::int64_t plane = 0; plane < planes; ++plane)
    for (std::int64_t i = 0; i < extent; ++i) {
      const double weight = static_cast<double>(i) / static_cast<double>(extent);
      const float fade_in = static_cast<float>(weight), fade_out = static_cast<float>(1 - weight);
      const std::int64_t before = neighbour.dim(dim) - extent + i;
      for (std::int64_t j = 0; j < across; ++j) {
        const std::int64_t from =
            dim == 2 ? at(neighbour, plane, before, j) : at(neighbour, plane, j, before);
        const std::int64_t to = dim == 2 ? at(tile, plane, i, j) : at(tile, plane, j, i);
        float& value = tile.data<float>()[to];
        value = neighbour.data<float>()[from] * fade_out + value * fade_in;
      }
    }
}

std::int64_t tiles(std::int64_t size, std::int64_t stride) { return (size + stride - 1) / stride; }

int tile_count(const TileGeometry& geometry, std::int64_t height, std::int64_t width) {
  if (!geometry.is_tiled(height, width)) return 1;
  return static_cast<int>(tiles(height, geometry.stride) * tiles(width, geometry.stride));
}

}  // namespace

// The reference truncates sizes * 0.75 and * 0.25 to integers, which for sizes it can join is exact.
TileGeometry decode_geometry(const VaeConfig& config) {
  const std::int64_t pixels = config.sample_size, latents = pixels / config.scale();
  return {latents, latents * 3 / 4, pixels / 4, pixels - pixels / 4};
}

TileGeometry encode_geometry(const VaeConfig& config) {
  const std::int64_t pixels = config.sample_size, latents = pixels / config.scale();
  return {pixels, pixels * 3 / 4, latents / 4, latents - latents / 4};
}

Tensor run_tiled(const TileGeometry& geometry, const Tensor& x,
                 const std::function<Tensor(const Tensor& tile)>& network) {
  const std::int64_t height = x.dim(2), width = x.dim(3);
  Tensor result;
  std::vector<Tensor> above;  // the row of tiles before, blended
  for (std::int64_t i = 0; i < tiles(height, geometry.stride); ++i) {
    const std::int64_t top = i * geometry.stride;
    std::vector<Tensor> row;
    for (std::int64_t j = 0; j < tiles(width, geometry.stride); ++j) {
      const std::int64_t left = j * geometry.stride;
      Tensor tile = network(
          crop(x, top, left, std::min(geometry.tile, height - top), std::min(geometry.tile, width - left)));
      if (!result.defined())
        result = Tensor({tile.dim(0), tile.dim(1), height * geometry.kept / geometry.stride,
                         width * geometry.kept / geometry.stride},
                        DType::f32);
      // The neighbours are already blended and are not changed.
      if (i > 0) blend(above[static_cast<std::size_t>(j)], tile, 2, geometry.blend);
      if (j > 0) blend(row.back(), tile, 3, geometry.blend);
      paste(tile, geometry.kept, result, i * geometry.kept, j * geometry.kept);
      row.push_back(std::move(tile));
    }
    above = std::move(row);
  }
  return result;
}

int decode_tile_count(const VaeConfig& config, std::int64_t h, std::int64_t w) {
  return tile_count(decode_geometry(config), h, w);
}

int encode_tile_count(const VaeConfig& config, std::int64_t height, std::int64_t width) {
  return tile_count(encode_geometry(config), height, width);
}

Tensor decode_tiled(const Ops& ops, const VaeConfig& config, const PictureDecoder& decoder,
                    const Tensor& latents, const std::function<void()>& on_block) {
  const TileGeometry geometry = decode_geometry(config);
  const auto network = [&](const Tensor& tile) { return decoder.forward(ops, tile, on_block); };
  return geometry.is_tiled(latents.dim(2), latents.dim(3)) ? run_tiled(geometry, latents, network)
                                                           : network(latents);
}

Tensor encode_tiled(const Ops& ops, const VaeConfig& config, const PictureEncoder& encoder,
                    const Tensor& picture, const std::function<void()>& on_block) {
  const TileGeometry geometry = encode_geometry(config);
  const auto network = [&](const Tensor& tile) { return encoder.forward(ops, tile, on_block); };
  return geometry.is_tiled(picture.dim(2), picture.dim(3)) ? run_tiled(geometry, picture, network)
                                                           : network(picture);
}

}  // namespace sd35
