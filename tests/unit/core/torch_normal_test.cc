#include "core/torch_normal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <random>

namespace sd35 {
namespace {

// The polynomials are accurate, not only torch's: against the transform in double.
TEST(BoxMuller16, IsTheBoxMullerTransform) {
  std::mt19937 engine(1);
  for (int round = 0; round < 4096; ++round) {
    std::array<float, 16> block;
    for (float& value : block) value = static_cast<float>(engine() >> 8) * 0x1p-24f;
    const std::array<float, 16> uniform = block;
    box_muller_16(block);
    for (int j = 0; j < 8; ++j) {
      const double radius = std::sqrt(-2 * std::log(1 - double{uniform[j]}));
      const double angle = 2 * std::numbers::pi * uniform[j + 8];
      ASSERT_NEAR(block[j], radius * std::cos(angle), 3e-6);
      ASSERT_NEAR(block[j + 8], radius * std::sin(angle), 3e-6);
    }
  }
}

TEST(BoxMuller16, EndsOfTheRange) {
  std::array<float, 16> block{};
  box_muller_16(block);  // ln 1 = 0: a radius of zero, and no negative zeros
  for (const float value : block) EXPECT_FALSE(value != 0 || std::signbit(value));

  std::fill(block.begin(), block.end(), 1 - 0x1p-24f);
  box_muller_16(block);  // the largest radius, sqrt(48 ln 2)
  for (int j = 0; j < 8; ++j) {
    EXPECT_NEAR(block[j], 5.768108, 1e-5);
    EXPECT_NEAR(block[j + 8], 0, 1e-5);
  }
}

}  // namespace
}  // namespace sd35
