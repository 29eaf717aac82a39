#include "image/resize_mode.h"

#include <gtest/gtest.h>

#include <numeric>

#include "core/error.h"

namespace sd35 {
namespace {

// 64 x 48.
Image slopes() {
  Image image{64, 48, {}};
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      for (int c = 0; c < 3; ++c)
        image.rgb.push_back(static_cast<std::uint8_t>((5 * y + 3 * x + 40 * c) % 256));
  return image;
}

struct Case {
  ResizeMode mode;
  int sum;  // of all bytes
  std::vector<std::uint8_t> middle, corner;
};

// diffusers' VaeImageProcessor.resize with Pillow 13.
TEST(ResizeMode, EqualsDiffusers) {
  for (const Case& expected : {Case{ResizeMode::stretch, 2450157, {215, 56, 39}, {}},
                               Case{ResizeMode::fill, 2440803, {216, 35, 40}, {}},
                               Case{ResizeMode::crop, 2453439, {214, 76, 38}, {23, 63, 103}}}) {
    const Image image = resize(slopes(), 80, 80, expected.mode);
    EXPECT_EQ(std::accumulate(image.rgb.begin(), image.rgb.end(), 0), expected.sum);
    const auto pixel = [&](std::ptrdiff_t x, std::ptrdiff_t y) {
      const auto first = image.rgb.begin() + (y * 80 + x) * 3;
      return std::vector(first, first + 3);
    };
    EXPECT_EQ(pixel(40, 40), expected.middle);
    if (expected.mode == ResizeMode::crop) {
      EXPECT_EQ(pixel(0, 0), expected.corner);
    }
  }
}

TEST(ResizeMode, KeepsTheShapeOfAPictureOfTheSameShape) {
  for (const ResizeMode mode : {ResizeMode::crop, ResizeMode::fill})
    EXPECT_EQ(resize(slopes(), 32, 24, mode), resize(slopes(), 32, 24, ResizeMode::stretch));
}

TEST(ResizeMode, TakesThinPictures) {
  const Image line{200, 1, std::vector<std::uint8_t>(600, 7)};
  EXPECT_EQ(resize(line, 16, 16, ResizeMode::fill).rgb, std::vector<std::uint8_t>(std::size_t{3} * 256, 7));
  EXPECT_EQ(resize(line, 16, 16, ResizeMode::crop).rgb, std::vector<std::uint8_t>(std::size_t{3} * 256, 7));
}

TEST(ResizeMode, HasNames) {
  EXPECT_EQ(resize_mode_from_name("fill"), ResizeMode::fill);
  EXPECT_THROW(resize_mode_from_name("zoom"), ArgumentError);
}

}  // namespace
}  // namespace sd35
