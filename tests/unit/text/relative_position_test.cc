// The distances that T5 distinguishes.
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "text/t5_encoder.h"

namespace sd35 {
namespace {

TEST(RelativePositionTest, BucketsBreakWhereTheReferenceDoes) {
  const auto bucket = [](std::int64_t distance) { return relative_position_bucket(distance, 32, 128); };
  const std::vector<std::pair<std::int64_t, int>> first_of_bucket = {{8, 8},   {12, 9},  {16, 10}, {23, 11},
                                                                     {32, 12}, {46, 13}, {64, 14}, {91, 15}};
  for (const auto& [distance, expected] : first_of_bucket) {
    EXPECT_EQ(bucket(-distance), expected);
    EXPECT_EQ(bucket(-(distance - 1)), expected - 1);
    EXPECT_EQ(bucket(distance), 16 + expected);
  }
  EXPECT_EQ(bucket(0), 0);
  EXPECT_EQ(bucket(5000), 31);
  EXPECT_EQ(bucket(-5000), 15);
}

}  // namespace
}  // namespace sd35
