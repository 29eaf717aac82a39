#include "image/grid.h"

#include <gtest/gtest.h>

#include "core/error.h"

namespace sd35 {
namespace {

// A picture of 2 x 1 pixels, one level everywhere.
Image level(std::uint8_t value) { return {2, 1, std::vector<std::uint8_t>(6, value)}; }

TEST(GridTest, RowByRow) {
  const std::vector<Image> images{level(1), level(2), level(3), level(4), level(5)};
  const Image grid = grid_of(images);  // four columns
  ASSERT_EQ(grid.width, 8);
  ASSERT_EQ(grid.height, 2);
  std::vector<int> first_channel;
  for (std::size_t i = 0; i < grid.rgb.size(); i += 3) first_channel.push_back(grid.rgb[i]);
  EXPECT_EQ(first_channel, (std::vector<int>{1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 255, 255, 255, 255, 255, 255}));
}

TEST(GridTest, OnePictureIsItself) { EXPECT_EQ(grid_of(std::vector{level(7)}), level(7)); }

TEST(GridTest, RefusesOtherSizes) {
  EXPECT_THROW(grid_of({}), ArgumentError);
  EXPECT_THROW(grid_of(std::vector{level(1), Image{1, 1, {0, 0, 0}}}), ArgumentError);
}

}  // namespace
}  // namespace sd35
