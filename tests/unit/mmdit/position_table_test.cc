// Rows of the table where the released model has known ones.
#include "mmdit/position_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace sd35 {
namespace {

// The released table: the row at (160, 160) has coordinates (0, 0), 1024 pixels span 0 to 16.
TEST(PositionTableTest, HasTheCoordinatesOfTheReleasedModel) {
  constexpr std::int64_t kSide = 384, kWidth = 16;
  const PositionTable table(kSide, kWidth, 64);
  std::vector<float> row(kWidth);
  table.fill((160 * kSide + 160) * kWidth, row);
  for (std::size_t i = 0; i < row.size(); ++i) EXPECT_FLOAT_EQ(row[i], i % 8 < 4 ? 0.0f : 1.0f) << i;

  // Row 161, column 164: the columns come first, a step is a quarter.
  table.fill((161 * kSide + 164) * kWidth, row);
  EXPECT_FLOAT_EQ(row[0], std::sin(1.0f));
  EXPECT_FLOAT_EQ(row[1], std::sin(0.1f));
  EXPECT_FLOAT_EQ(row[4], std::cos(1.0f));
  EXPECT_FLOAT_EQ(row[8], std::sin(0.25f));
  EXPECT_FLOAT_EQ(row[12], std::cos(0.25f));
}

TEST(PositionTableTest, PiecesAreThoseOfTheWhole) {
  const PositionTable table(5, 8, 3);
  std::vector<float> whole(5 * 5 * 8), piece(13);
  table.fill(0, whole);
  for (std::uint64_t first : {0u, 3u, 77u, 187u}) {
    table.fill(first, piece);
    EXPECT_TRUE(std::equal(piece.begin(), piece.end(), whole.begin() + static_cast<std::ptrdiff_t>(first)));
  }
}

}  // namespace
}  // namespace sd35
