// The geometry of tiles: what is covered, blended and joined. The arithmetic against the reference is in
// tests/parity.
#include "vae/tiling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace sd35 {
namespace {

// Tiles of 32 latents; 3/4 of them kept.
VaeConfig small_config() {
  VaeConfig config;
  config.sample_size = 256;
  return config;
}

// A decoder whose output repeats each latent 8 times per side: position-free, so tiles agree where they
// overlap.
Tensor repeat(const Tensor& x, std::int64_t factor) {
  Tensor y({x.dim(0), x.dim(1), x.dim(2) * factor, x.dim(3) * factor}, DType::f32);
  float* to = y.data<float>();
  for (std::int64_t plane = 0; plane < x.dim(0) * x.dim(1); ++plane)
    for (std::int64_t r = 0; r < x.dim(2) * factor; ++r)
      for (std::int64_t c = 0; c < x.dim(3) * factor; ++c)
        *to++ = x.data<float>()[(plane * x.dim(2) + r / factor) * x.dim(3) + c / factor];
  return y;
}

Tensor counting(Shape shape) {
  Tensor x(std::move(shape), DType::f32);
  for (std::int64_t i = 0; i < x.numel(); ++i) x.data<float>()[i] = static_cast<float>(i % 1009);
  return x;
}

TEST(TilingTest, GeometryOfTheReference) {
  const TileGeometry decode = decode_geometry(VaeConfig{});
  EXPECT_EQ(decode.tile, 128);
  EXPECT_EQ(decode.stride, 96);
  EXPECT_EQ(decode.blend, 256);
  EXPECT_EQ(decode.kept, 768);
  const TileGeometry encode = encode_geometry(VaeConfig{});
  EXPECT_EQ(encode.tile, 1024);
  EXPECT_EQ(encode.stride, 768);
  EXPECT_EQ(encode.blend, 32);
  EXPECT_EQ(encode.kept, 96);
}

TEST(TilingTest, ASideMustBeStrictlyLargerThanATile) {
  const TileGeometry geometry = decode_geometry(small_config());
  EXPECT_FALSE(geometry.is_tiled(32, 32));
  EXPECT_TRUE(geometry.is_tiled(33, 8));
  EXPECT_TRUE(geometry.is_tiled(8, 33));
  EXPECT_EQ(decode_tile_count(small_config(), 32, 32), 1);
  EXPECT_EQ(decode_tile_count(small_config(), 33, 8), 2);
  EXPECT_EQ(decode_tile_count(small_config(), 49, 50), 9);
}

// Where neighbours agree, blending changes nothing: every output element is the one of the whole picture.
TEST(TilingTest, AgreeingTilesJoinWithoutSeams) {
  const TileGeometry geometry = decode_geometry(small_config());
  for (const auto& [h, w] : {std::pair{40, 36}, {33, 5}, {4, 60}, {48, 48}, {100, 34}}) {
    const Tensor x = counting({2, 3, h, w});
    const Tensor joined = run_tiled(geometry, x, [](const Tensor& tile) { return repeat(tile, 8); });
    const Tensor whole = repeat(x, 8);
    ASSERT_EQ(joined.shape(), whole.shape());
    for (std::int64_t i = 0; i < whole.numel(); ++i)
      ASSERT_NEAR(joined.data<float>()[i], whole.data<float>()[i], 1e-3) << h << "x" << w << " at " << i;
  }
}

TEST(TilingTest, EncodingShrinks) {
  const TileGeometry geometry = encode_geometry(small_config());
  const auto subsample = [](const Tensor& x) {
    Tensor y({x.dim(0), x.dim(1), x.dim(2) / 8, x.dim(3) / 8}, DType::f32);
    float* to = y.data<float>();
    for (std::int64_t plane = 0; plane < x.dim(0) * x.dim(1); ++plane)
      for (std::int64_t r = 0; r < y.dim(2); ++r)
        for (std::int64_t c = 0; c < y.dim(3); ++c)
          *to++ = x.data<float>()[(plane * x.dim(2) + 8 * r) * x.dim(3) + 8 * c];
    return y;
  };
  const Tensor x = counting({1, 3, 320, 288});
  const Tensor joined = run_tiled(geometry, x, subsample), whole = subsample(x);
  ASSERT_EQ(joined.shape(), whole.shape());
  for (std::int64_t i = 0; i < whole.numel(); ++i)
    ASSERT_NEAR(joined.data<float>()[i], whole.data<float>()[i], 1e-3) << i;
}

// Tiles that disagree (each is constant, its number) fade linearly over a quarter of a tile.
TEST(TilingTest, DisagreeingTilesFadeLinearly) {
  const TileGeometry geometry = decode_geometry(small_config());  // 256 px, kept 192, blended over 64
  float number = 0;
  const auto constant = [&](const Tensor& tile) {
    Tensor y({1, 1, tile.dim(2) * 8, tile.dim(3) * 8}, DType::f32);
    std::fill_n(y.data<float>(), y.numel(), number);
    number += 1;
    return y;
  };
  const Tensor joined = run_tiled(geometry, counting({1, 1, 8, 40}), constant);
  ASSERT_EQ(joined.shape(), (Shape{1, 1, 64, 320}));
  for (std::int64_t x = 0; x < 320; ++x) {
    const double expected = x < 192 ? 0.0 : x < 192 + 64 ? static_cast<double>(x - 192) / 64 : 1.0;
    ASSERT_NEAR(joined.data<float>()[x], expected, 1e-6) << x;
  }
}

}  // namespace
}  // namespace sd35
