#include "pipeline/preview.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"

namespace sd35 {
namespace {

using nlohmann::json;

TEST(PreviewTest, TheModelSaysItsColours) {
  const json extras =
      json::parse(R"({"preview": {"channels": [[1, 0, 0], [0, 0.5, -1]], "bias": [0, 0, 0.5]}})");
  const PreviewColours colours = PreviewColours::from_json(extras, 2, "m");
  const std::vector<float> latents{1, -1, /* the second channel */ 2, 0};
  const auto picture = preview_of(latents, 2, 1, colours);
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
  EXPECT_FALSE(preview_of(std::vector<float>(4), 1, 1, unknown).has_value());
}

TEST(PreviewTest, WhatIsNotColoursIsRefused) {
  for (const char* wrong : {"3", "{}", R"({"channels": [[1, 0, 0]], "bias": [0, 0, 0]})",
                            R"({"channels": [[1, 0, 0], [1, 0]], "bias": [0, 0, 0]})",
                            R"({"channels": [[1, 0, 0], [1, 0, "x"]], "bias": [0, 0, 0]})",
                            R"({"channels": [[1, 0, 0], [1, 0, 0]], "bias": [0, 0]})",
                            R"({"channels": [[1, 0, 0], [1, 0, 1e39]], "bias": [0, 0, 0]})"})
    EXPECT_THROW(PreviewColours::from_json({{"preview", json::parse(wrong)}}, 2, "m"), FileError) << wrong;
}

}  // namespace
}  // namespace sd35
