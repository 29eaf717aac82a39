#include "pipeline/preview.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"

namespace sd35 {
namespace {

using nlohmann::json;

TEST(PreviewTest, TheModelSaysItsColours) {
  const json extras =
      json::parse(R"({"preview": {"channels": [[1, 0, 0], [0, 0.5, -1]], "bias": [0, 0, 0.5]}})");
  const PreviewColours colours = PreviewColours::from_json(extras, 2, "m");
  const Tensor latents = Tensor::from({1, 2, 1, 2}, std::vector<float>{1, -1, /* the second channel */ 2, 0});
  const auto picture = preview_of(latents, colours);
  ASSERT_TRUE(picture.has_value());
  EXPECT_EQ(picture->width, 2);
  EXPECT_EQ(picture->height, 1);
  EXPECT_EQ(picture->rgb, (std::vector<std::uint8_t>{255, 255, 0, 0, 128, 191}));
}

TEST(PreviewTest, ThoseOfStableDiffusion35AreKnown) {
  EXPECT_EQ(PreviewColours::from_json(json::object(), 16, "m").channels.size(), 16u);
}

TEST(PreviewTest, WithoutColoursThereIsNone) {
  const PreviewColours unknown = PreviewColours::from_json(json::object(), 4, "m");
  EXPECT_FALSE(preview_of(Tensor::zeros({1, 4, 1, 1}), unknown).has_value());
}

TEST(PreviewTest, WhatIsNotColoursIsRefused) {
  for (const char* wrong : {"3", "{}", R"({"channels": [[1, 0, 0]], "bias": [0, 0, 0]})",
                            R"({"channels": [[1, 0, 0], [1, 0]], "bias": [0, 0, 0]})",
                            R"({"channels": [[1, 0, 0], [1, 0, "x"]], "bias": [0, 0, 0]})",
                            R"({"channels": [[1, 0, 0], [1, 0, 0]], "bias": [0, 0]})",
                            R"({"channels": [[1, 0, 0], [1, 0, 1e39]], "bias": [0, 0, 0]})"})
    EXPECT_THROW(PreviewColours::from_json({{"preview", json::parse(wrong)}}, 2, "m"), FileError) << wrong;
}

// A folder of diffusers, whose widths are 8.
const std::filesystem::path kTinyAutoencoder =
    std::filesystem::path(SD35_SOURCE_DIR) / "tests" / "golden" / "tiny_autoencoder";

TEST(PreviewTest, ATinyAutoencoderInPlaceOfColours) {
  const PreviewAutoencoder own{VaeConfig{}, nullptr};
  EXPECT_FALSE(open_preview_autoencoder("linear", own).has_value());
  const auto tiny = open_preview_autoencoder(kTinyAutoencoder.string(), own);
  ASSERT_TRUE(tiny.has_value());
  EXPECT_EQ(tiny->config.network, VaeNetwork::tiny);
  EXPECT_EQ(tiny->config.scale(), 8);
  const auto same = open_preview_autoencoder("taesd", *tiny);
  ASSERT_TRUE(same.has_value());
  EXPECT_EQ(same->weights, tiny->weights);
}

TEST(PreviewTest, OneForOtherLatentsIsRefused) {
  PreviewAutoencoder own{VaeConfig{}, nullptr};
  own.config.latent_channels = 4;
  EXPECT_THROW(open_preview_autoencoder(kTinyAutoencoder.string(), own), FileError);
  EXPECT_THROW(open_preview_autoencoder("nowhere", own), FileError);
}

}  // namespace
}  // namespace sd35
