#include "data/fit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "image/resize.h"

namespace sd35 {
namespace {

TEST(Buckets, OfTheUsualResolution) {
  const std::vector<Bucket> buckets = aspect_buckets(1024, 4, 64);
  for (const Bucket expected : {Bucket{1024, 1024}, Bucket{960, 1088}, Bucket{832, 1216}, Bucket{1216, 832},
                                Bucket{1344, 768}, Bucket{1600, 640}, Bucket{512, 2048}, Bucket{2048, 512}})
    EXPECT_NE(std::ranges::find(buckets, expected), buckets.end()) << expected.width;
  EXPECT_EQ(std::ranges::find(buckets, Bucket{64, 64}), buckets.end());
}

TEST(Buckets, KeepTheirPromises) {
  for (const auto& [resolution, aspect, multiple, tolerance] : {std::tuple{256, 2.0, 16, 0.0},
                                                                {512, 4.0, 64, 0.0},
                                                                {1440, 4.0, 32, 0.05},
                                                                {64, 4.0, 64, 0.0},
                                                                {1024, 1.0, 64, 0.1},
                                                                {96, 8.0, 8, 0.0}}) {
    const std::vector<Bucket> buckets = aspect_buckets(resolution, aspect, multiple, tolerance);
    EXPECT_NE(std::ranges::find(buckets, Bucket{resolution, resolution}), buckets.end()) << resolution;
    double last = 0;
    for (const auto& [width, height] : buckets) {
      EXPECT_EQ(width % multiple + height % multiple, 0);
      EXPECT_LE(std::int64_t{width} * height, resolution * resolution * (1 + tolerance));
      EXPECT_LE(width, height * aspect);
      EXPECT_LE(height, width * aspect);
      EXPECT_GT(static_cast<double>(width) / height, last);
      last = static_cast<double>(width) / height;
      EXPECT_NE(std::ranges::find(buckets, Bucket{height, width}), buckets.end());
      if (width == height) continue;
      // None could be larger.
      EXPECT_GT(std::int64_t{width + multiple} * (height + multiple),
                resolution * resolution * (1 + tolerance));
    }
  }
}

TEST(Buckets, RefuseWhatCannotBe) {
  EXPECT_THROW(aspect_buckets(100, 4, 64), ArgumentError);
  EXPECT_THROW(aspect_buckets(0, 4, 64), ArgumentError);
  EXPECT_THROW(aspect_buckets(32768, 4, 64), ArgumentError);
  EXPECT_THROW(aspect_buckets(64, 4, 0), ArgumentError);
  EXPECT_THROW(aspect_buckets(64, 0.5, 64), ArgumentError);
  EXPECT_THROW(aspect_buckets(64, NAN, 64), ArgumentError);
  EXPECT_THROW(aspect_buckets(64, 4, 64, -1), ArgumentError);
  EXPECT_THROW(nearest_bucket({}, {1, 1}), ArgumentError);
}

TEST(Buckets, NearestIsByTheLogarithmOfTheRatio) {
  const std::vector<Bucket> buckets = {{64, 128}, {64, 64}, {96, 96}, {128, 64}};
  EXPECT_EQ(nearest_bucket(buckets, {500, 500}), 2u);  // the larger of two squares
  EXPECT_EQ(nearest_bucket(buckets, {140, 100}), 2u);  // below sqrt(2)
  EXPECT_EQ(nearest_bucket(buckets, {142, 100}), 3u);  // above
  EXPECT_EQ(nearest_bucket(buckets, {100, 142}), 0u);
  EXPECT_EQ(nearest_bucket(buckets, {32768, 1}), 3u);
  EXPECT_EQ(nearest_bucket(buckets, {1, 32768}), 0u);
}

// Red grows to the right, green downwards.
Image gradient(int width, int height) {
  Image image{width, height, {}};
  for (int y = 0; y < height; ++y)
    for (int x = 0; x < width; ++x) {
      image.rgb.push_back(static_cast<std::uint8_t>(255 * x / std::max(width - 1, 1)));
      image.rgb.push_back(static_cast<std::uint8_t>(255 * y / std::max(height - 1, 1)));
      image.rgb.push_back(9);
    }
  return image;
}

std::uint8_t red(const Image& image, int x, int y) {
  return image.rgb[static_cast<std::size_t>(3 * (y * image.width + x))];
}

TEST(Fit, CoversTheBucketAndCropsTheMiddle) {
  const Image image = gradient(200, 100);
  const FittedPicture fitted = fit_to_bucket(image, {64, 64}, {}, 1);
  EXPECT_EQ(fitted.resized, (ImageSize{128, 64}));
  EXPECT_EQ(fitted.crop_x, 32);
  EXPECT_EQ(fitted.crop_y, 0);
  EXPECT_FALSE(fitted.flipped);
  ASSERT_EQ(fitted.image.width, 64);
  ASSERT_EQ(fitted.image.height, 64);
  const Image resized = resize(image, 128, 64);
  for (int y = 0; y < 64; ++y)
    for (int x = 0; x < 64; ++x) ASSERT_EQ(red(fitted.image, x, y), red(resized, x + 32, y));
}

TEST(Fit, ExactPicturesStayAsTheyAre) {
  const Image image = gradient(64, 96);
  EXPECT_EQ(fit_to_bucket(image, {64, 96}, {Crop::random, false}, 5).image, image);
}

TEST(Fit, EverySizeCovers) {
  for (int width = 1; width < 80; width += 13)
    for (int height = 1; height < 80; height += 11) {
      const FittedPicture fitted = fit_to_bucket(gradient(width, height), {48, 32}, {Crop::random, true}, 3);
      EXPECT_EQ(fitted.image.width, 48);
      EXPECT_EQ(fitted.image.height, 32);
      EXPECT_TRUE(fitted.resized.width == 48 || fitted.resized.height == 32);
      EXPECT_LE(fitted.crop_x + 48, fitted.resized.width);
      EXPECT_LE(fitted.crop_y + 32, fitted.resized.height);
    }
}

TEST(Fit, RandomCropsAreUniformAndRepeatable) {
  const Image image = gradient(67, 64);
  std::vector<int> crops(4);
  int flips = 0;
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    const FittedPicture fitted = fit_to_bucket(image, {64, 64}, {Crop::random, true}, seed);
    ++crops.at(static_cast<std::size_t>(fitted.crop_x));
    flips += fitted.flipped ? 1 : 0;
    EXPECT_EQ(red(fitted.image, fitted.flipped ? 63 : 0, 5), red(image, fitted.crop_x, 5));
    EXPECT_EQ(fit_to_bucket(image, {64, 64}, {Crop::random, true}, seed).image, fitted.image);
  }
  for (const int count : crops) EXPECT_NEAR(count, 100, 45);
  EXPECT_NEAR(flips, 200, 50);
}

TEST(Fit, ExtremeShapesTakeNoGiant) {
  for (const auto& [width, height] : {std::pair{32768, 1}, {1, 32768}, {20000, 3}}) {
    const FittedPicture fitted = fit_to_bucket(gradient(width, height), {128, 64}, {Crop::random, false}, 1);
    EXPECT_EQ(fitted.image.width, 128);
    EXPECT_LE(fitted.resized.width, 128 * 9);
    EXPECT_LE(fitted.resized.height, 64 * 9);
  }
}

TEST(Fit, RefusesWhatCannotBe) {
  EXPECT_THROW(fit_to_bucket({}, {64, 64}, {}, 0), ArgumentError);
  EXPECT_THROW(fit_to_bucket(gradient(4, 4), {0, 64}, {}, 0), ArgumentError);
  EXPECT_THROW(fit_to_bucket(gradient(4, 4), {64, 40000}, {}, 0), ArgumentError);
}

}  // namespace
}  // namespace sd35
