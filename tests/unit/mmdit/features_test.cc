// The time as MMDiT reads it.
#include <gtest/gtest.h>

#include <vector>

#include "mmdit/transformer.h"

namespace sd35 {
namespace {

TEST(TimestepFeaturesTest, CosinesComeFirst) {
  const Tensor features = timestep_features(std::vector<float>{1000.0f}, 256);
  const float* row = features.data<float>();
  EXPECT_NEAR(row[0], 0.5623791f, 1e-5);
  EXPECT_NEAR(row[128], 0.8268795f, 1e-5);
  EXPECT_NEAR(row[64], -0.8390715f, 1e-5);
  EXPECT_NEAR(row[127], 0.9942316f, 1e-5);
  EXPECT_NEAR(row[255], 0.1072541f, 1e-5);
}

}  // namespace
}  // namespace sd35
