#include "image/image.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "core/error.h"
#include "image/resize.h"
#include "tests/support/file_bytes.h"
#include "tests/unit/image/goldens.h"

namespace sd35 {
namespace {

Image golden(const std::string& name, int width, int height) {
  const std::string bytes = file_bytes(kGolden + name);
  return {width, height, {bytes.begin(), bytes.end()}};
}

TEST(ImageFromPixels, EqualsDiffusers) {
  const std::string bytes = file_bytes(kGolden + "pixels.f32");
  Tensor pixels({16, 24, 3}, DType::f32);
  ASSERT_EQ(bytes.size(), pixels.bytes());
  std::memcpy(pixels.raw(), bytes.data(), bytes.size());
  EXPECT_EQ(image_from_pixels(pixels), golden("pixels.rgb", 24, 16));
}

TEST(ImageFromPixels, RoundsTiesToEvenAndClamps) {
  // 0.5 * 255 = 127.5; outside [-1, 1] saturates.
  const Image image = image_from_pixels(Tensor::from({1, 2, 3}, std::vector<float>{0, -1, 1, -7, 7, -0.0f}));
  EXPECT_EQ(image.rgb, (std::vector<std::uint8_t>{128, 0, 255, 0, 255, 128}));
}

TEST(ImageFromPixels, EveryLevelSurvivesTheRoundTrip) {
  Image image{256, 1, {}};
  for (int level = 0; level < 256; ++level)
    image.rgb.insert(image.rgb.end(), 3, static_cast<std::uint8_t>(level));
  const Tensor pixels = pixels_from_image(image);
  EXPECT_EQ(pixels.shape(), (Shape{1, 256, 3}));
  EXPECT_EQ(pixels.floats().front(), -1.0f);
  EXPECT_EQ(pixels.floats().back(), 1.0f);
  EXPECT_EQ(image_from_pixels(pixels), image);
}

TEST(ImageFromPixels, NamesTheFirstBadPixel) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    Tensor pixels = Tensor::zeros({4, 5, 3});
    pixels.data<float>()[(2 * 5 + 3) * 3 + 1] = bad;
    pixels.data<float>()[(3 * 5 + 0) * 3 + 0] = bad;
    try {
      image_from_pixels(pixels);
      FAIL();
    } catch (const NumericError& e) {
      EXPECT_EQ(e.what(), "image: the value of pixel x 3, y 2, channel 1 is " + std::to_string(bad));
    }
  }
}

TEST(ImageFromPixels, RefusesOtherShapes) {
  EXPECT_THROW(image_from_pixels(Tensor()), ArgumentError);
  EXPECT_THROW(image_from_pixels(Tensor::zeros({3, 4, 4})), ArgumentError);
  EXPECT_THROW(image_from_pixels(Tensor::zeros({1, 4, 4, 3})), ArgumentError);
  EXPECT_THROW(image_from_pixels(Tensor::zeros({4, 4, 3}, DType::bf16)), ArgumentError);
  EXPECT_THROW(image_from_pixels(Tensor::zeros({0, 4, 3})), ArgumentError);
  EXPECT_THROW(pixels_from_image(Image{2, 2, std::vector<std::uint8_t>(11)}), ArgumentError);
  EXPECT_THROW(pixels_from_image(Image{-1, -1, std::vector<std::uint8_t>(3)}), ArgumentError);
}

class Resize : public testing::TestWithParam<std::pair<int, int>> {};

TEST_P(Resize, EqualsPillow) {
  const auto [width, height] = GetParam();
  const Image resized = resize(golden("rgb.png.rgb", 37, 23), width, height);
  const Image expected =
      golden("resize_" + std::to_string(width) + "x" + std::to_string(height) + ".rgb", width, height);
  ASSERT_EQ(resized.rgb.size(), expected.rgb.size());
  for (std::size_t i = 0; i < expected.rgb.size(); ++i)
    ASSERT_NEAR(resized.rgb[i], expected.rgb[i], 1) << "byte " << i;
}

INSTANTIATE_TEST_SUITE_P(Sizes, Resize,
                         testing::Values(std::pair(16, 16), std::pair(37, 9), std::pair(11, 23),
                                         std::pair(80, 61), std::pair(36, 24), std::pair(52, 9),
                                         std::pair(34, 16), std::pair(33, 15), std::pair(1, 1)));

TEST(Resize, TheSameSizeIsTheSameImage) {
  const Image image = golden("rgb.png.rgb", 37, 23);
  EXPECT_EQ(resize(image, 37, 23), image);
}

TEST(Resize, RefusesImpossibleSizes) {
  const Image image = golden("rgb.png.rgb", 37, 23);
  EXPECT_THROW(resize(image, 0, 5), ArgumentError);
  EXPECT_THROW(resize(image, 5, -1), ArgumentError);
  EXPECT_THROW(resize(image, kMaxImageSide + 1, 1), ArgumentError);
}

}  // namespace
}  // namespace sd35
