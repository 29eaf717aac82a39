#include "sampling/guidance.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"
#include "sampling/image_to_image.h"
#include "sampling/sigmas.h"
#include "tests/unit/sampling/goldens.h"

namespace sd35 {
namespace {

TEST(Guidance, EqualsTheReference) {
  EXPECT_EQ(guided_velocity(goldens()["latents"].get<Floats>(), goldens()["noise"].get<Floats>(), 4.5),
            goldens()["guided"].get<Floats>());
}

TEST(Guidance, Identities) {
  const Floats negative = {1, -2, 0.5f}, positive = {3, 4, -0.25f};
  EXPECT_EQ(guided_velocity(negative, positive, 1), positive);
  EXPECT_EQ(guided_velocity(negative, positive, 0), negative);
  EXPECT_EQ(guided_velocity(negative, negative, 7), negative);
  EXPECT_THROW(guided_velocity(negative, Floats{1}, 2), Error);
  EXPECT_TRUE(guidance_enabled(1.5));
  EXPECT_FALSE(guidance_enabled(1));
}

TEST(GuidanceInterval, ActiveSteps) {
  const auto active = [](const GuidanceInterval& interval, int steps) {
    int count = 0;
    for (int step = 0; step < steps; ++step) count += interval.active(step, steps) ? 1 : 0;
    return count;
  };
  EXPECT_EQ(active({}, 7), 7);
  EXPECT_EQ(active({0.25, 0.5}, 8), 2);
  EXPECT_TRUE((GuidanceInterval{0.25, 0.5}.active(2, 8)));
  EXPECT_FALSE((GuidanceInterval{0.25, 0.5}.active(4, 8)));
  EXPECT_EQ(active({0.5, 0.5}, 8), 0);
}

TEST(SkipLayerGuidance, EqualsTheReference) {
  Floats velocity = goldens()["latents"], skipped;
  for (const float value : velocity) skipped.push_back(0.3f * value);
  SkipLayerGuidance{}.add_to(velocity, goldens()["noise"].get<Floats>(), skipped);
  EXPECT_EQ(velocity, goldens()["skip_layer_guided"].get<Floats>());
}

TEST(SkipLayerGuidance, NothingSkippedChangesNothing) {
  Floats velocity = {1, 2};
  const Floats positive = {5, -3};
  SkipLayerGuidance{.layers = {7, 8, 9}}.add_to(velocity, positive, positive);
  EXPECT_EQ(velocity, (Floats{1, 2}));
  EXPECT_THROW(SkipLayerGuidance{}.add_to(velocity, positive, Floats{1}), Error);
}

TEST(SkipLayerGuidance, ActiveSteps) {
  const auto active = [](const SkipLayerGuidance& guidance, int steps) {
    std::vector<int> list;
    for (int step = 0; step < steps; ++step)
      if (guidance.active(step, steps)) list.push_back(step);
    return list;
  };
  const SkipLayerGuidance guidance{.layers = {7, 8, 9}};
  EXPECT_EQ(active(guidance, 28), (std::vector<int>{1, 2, 3, 4, 5}));        // between 0.28 and 5.6
  EXPECT_EQ(active(guidance, 40), (std::vector<int>{1, 2, 3, 4, 5, 6, 7}));  // 8 is excluded
  EXPECT_EQ(active(guidance, 100).front(), 2);                               // 1 is excluded
  EXPECT_EQ(active(guidance, 4), std::vector<int>{});
  EXPECT_EQ(active(SkipLayerGuidance{}, 28), std::vector<int>{});
}

TEST(ImageToImage, FirstStepsEqualDiffusers) {
  for (const Json& entry : goldens()["first_steps"]) {
    const int steps = entry[0], expected = entry[2];
    const double strength = entry[1];
    EXPECT_EQ(first_step(steps, strength), expected) << entry;
  }
}

TEST(ImageToImage, RefusesOtherStrengths) {
  for (const double strength : {0.0, -0.1, 1.01, 0.0 / 0.0, 1e-20})
    EXPECT_THROW(first_step(28, strength), ArgumentError) << strength;
}

TEST(ImageToImage, ScaledNoiseEqualsDiffusers) {
  const Floats latents = goldens()["latents"];
  Floats noise = goldens()["noise"];
  scale_noise(latents, noise, flow_sigmas(28)[11], noise);
  EXPECT_EQ(noise, goldens()["scaled_noise"].get<Floats>());
  EXPECT_THROW(scale_noise(latents, noise, 0.5f, std::span<float>(noise).first(3)), Error);
}

TEST(ClassifierFreeGuidance, AsksForWhatAStepNeeds) {
  const ClassifierFreeGuidance guidance(4.5, 10, {0.2, 0.8}, {{7}, 2.8, 0.3, 0.6});
  using Contexts = std::vector<int>;
  EXPECT_EQ(guidance.contexts(1), (Contexts{1}));
  EXPECT_EQ(guidance.contexts(2), (Contexts{0, 1}));
  EXPECT_EQ(guidance.contexts(4), (Contexts{0, 1, 2}));
  EXPECT_EQ(guidance.contexts(6), (Contexts{0, 1}));
  EXPECT_EQ(guidance.contexts(8), (Contexts{1}));
}

TEST(ClassifierFreeGuidance, FollowsBothAndTellsTheNegative) {
  const ClassifierFreeGuidance guidance(3, 10, {}, {{7}, 2, 0, 1});
  const Floats negative{1, 2}, prompt{2, 4}, skipping{1, 5};
  ContextVelocities velocities;
  velocities.of = {negative, prompt, skipping};
  const Velocity all = guidance.combined(velocities);
  EXPECT_EQ(all.followed, (Floats{1 + 3 * 1 + 2 * 1, 2 + 3 * 2 + 2 * -1}));
  EXPECT_EQ(all.negative, negative);
  velocities.of = {prompt};
  const Velocity alone = guidance.combined(velocities);
  EXPECT_EQ(alone.followed, prompt);
  EXPECT_TRUE(alone.negative.empty());
}

}  // namespace
}  // namespace sd35
