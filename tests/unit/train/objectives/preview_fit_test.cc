// Colours that are known, found again in latents that were made from them.
#include "train/objectives/preview_fit.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <random>
#include <vector>

namespace sd35::train {
namespace {

constexpr int kLatents = 6, kPixels = 4;  // per side; per side of a latent

VaeConfig config_of_two_channels() {
  VaeConfig config;
  config.latent_channels = 2;
  config.scaling_factor = 2;
  config.shift_factor = 0.5f;
  return config;
}

// A picture and its moments [4, h, w]: the first channel of the scaled latents says how red it is, the second
// how blue; green is a quarter of what it may be.
void add_picture(PreviewFit& fit, std::mt19937& random, float log_variance) {
  const VaeConfig config = config_of_two_channels();
  std::uniform_int_distribution<int> levels(20, 230);
  constexpr int kSide = kLatents * kPixels;
  Image picture{kSide, kSide, std::vector<std::uint8_t>(3 * kSide * kSide)};
  Tensor moments({4, kLatents, kLatents}, DType::f32);
  for (int i = 0; i < kLatents * kLatents; ++i) {
    const int red = levels(random), blue = levels(random);
    const auto unscaled = [&](float z) { return z / config.scaling_factor + config.shift_factor; };
    moments.data<float>()[i] = unscaled(static_cast<float>(red) / 127.5f - 1);
    moments.data<float>()[kLatents * kLatents + i] = unscaled(1 - static_cast<float>(blue) / 127.5f);
    for (int c = 2; c < 4; ++c) moments.data<float>()[c * kLatents * kLatents + i] = log_variance;
    for (int pixel = 0; pixel < kPixels * kPixels; ++pixel) {
      const int y = i / kLatents * kPixels + pixel / kPixels, x = i % kLatents * kPixels + pixel % kPixels;
      // Half of a latent's pixels are darker and half are lighter than its mean.
      const int shade = pixel % 2 == 0 ? 20 : -20;
      std::uint8_t* rgb = &picture.rgb[3 * static_cast<std::size_t>(y * picture.width + x)];
      rgb[0] = static_cast<std::uint8_t>(red + shade);
      rgb[1] = 64;
      rgb[2] = static_cast<std::uint8_t>(blue + shade);
    }
  }
  fit.add(picture, moments);
}

TEST(PreviewFit, FindsTheColoursOfLatents) {
  PreviewFit fit;
  std::mt19937 random(1);
  for (int i = 0; i < 3; ++i) add_picture(fit, random, -20);
  const PreviewColours colours = fit.colours(config_of_two_channels());
  const std::array<std::array<float, 3>, 2> expected{{{1, 0, 0}, {0, 0, -1}}};
  const std::array<float, 3> bias{0, 64 / 127.5f - 1, 0};
  ASSERT_EQ(colours.channels.size(), 2u);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t channel = 0; channel < 2; ++channel)
      EXPECT_NEAR(colours.channels[channel][c], expected[channel][c], 1e-3);
    EXPECT_NEAR(colours.bias[c], bias[c], 1e-3);
  }
  const PreviewColours read = PreviewColours::from_json({{"preview", colours.to_json()}}, 2, "here");
  EXPECT_EQ(read.channels, colours.channels);
  EXPECT_EQ(read.bias, colours.bias);
}

TEST(PreviewFit, TrustsALatentAsFarAsItIsKnown) {
  PreviewFit fit;
  std::mt19937 random(1);
  for (int i = 0; i < 3; ++i) add_picture(fit, random, 10);  // a deviation of 148
  for (const auto& channel : fit.colours(config_of_two_channels()).channels)
    for (const float value : channel) EXPECT_NEAR(value, 0, 1e-3);
}

}  // namespace
}  // namespace sd35::train
