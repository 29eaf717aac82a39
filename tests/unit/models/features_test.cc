// Small pieces of the models with known values.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "mmdit/transformer.h"
#include "text/t5_encoder.h"
#include "vae/autoencoder.h"

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

TEST(PosteriorTest, SamplesAroundTheMeanAndClampsTheVariance) {
  const Tensor moments = Tensor::from({1, 2, 1, 2}, std::vector<float>{3, -1, 0, 100});
  const Tensor noise = Tensor::from({1, 1, 1, 2}, std::vector<float>{2, 1});
  EXPECT_FLOAT_EQ(sample_posterior(moments, Tensor()).data<float>()[1], -1);
  EXPECT_FLOAT_EQ(sample_posterior(moments, noise).data<float>()[0], 5);
  EXPECT_FLOAT_EQ(sample_posterior(moments, noise).data<float>()[1], -1 + std::exp(10.0f));
}

TEST(LatentScaleTest, GoesThereAndBack) {
  const VaeConfig config;
  const Tensor latents = Tensor::from({1, 1, 1, 2}, std::vector<float>{0.0609f, 1.0f});
  const Tensor scaled = to_denoiser_scale(config, latents);
  EXPECT_FLOAT_EQ(scaled.data<float>()[0], 0.0f);
  EXPECT_FLOAT_EQ(scaled.data<float>()[1], (1.0f - 0.0609f) * 1.5305f);
  EXPECT_FLOAT_EQ(to_autoencoder_scale(config, scaled).data<float>()[1], 1.0f);
}

}  // namespace
}  // namespace sd35
