// Latents drawn from what the encoder says, and their two scales.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "vae/autoencoder.h"

namespace sd35 {
namespace {

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
