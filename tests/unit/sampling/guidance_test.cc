#include "sampling/guidance.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "sampling/image_to_image.h"
#include "sampling/sigmas.h"
#include "tests/unit/sampling/goldens.h"

namespace sd35 {
namespace {

TEST(Guidance, AScaleOfOneIsNone) {
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

GuidanceSettings settings(double scale, int steps) { return {scale, steps}; }

TEST(ClassifierFreeGuidance, AsksForWhatAStepNeeds) {
  GuidanceSettings chosen{4.5, 10, {0.2, 0.8}, {{7}, 2.8, 0.3, 0.6}};
  using Contexts = std::vector<int>;
  const auto contexts = [&](int index) { return ClassifierFreeGuidance(chosen).contexts(index); };
  EXPECT_EQ(contexts(1), (Contexts{1}));
  EXPECT_EQ(contexts(2), (Contexts{0, 1}));
  EXPECT_EQ(contexts(4), (Contexts{0, 1, 2}));
  EXPECT_EQ(contexts(6), (Contexts{0, 1}));
  EXPECT_EQ(contexts(8), (Contexts{1}));
  chosen.skip.in_negative = true;
  EXPECT_EQ(contexts(4), (Contexts{1, 2}));
  EXPECT_EQ(contexts(6), (Contexts{0, 1}));
  chosen.zero_steps = 2;
  EXPECT_EQ(contexts(1), Contexts{});
  EXPECT_EQ(contexts(2), (Contexts{0, 1}));
}

TEST(ClassifierFreeGuidance, FollowsBothAndTellsTheNegative) {
  ClassifierFreeGuidance guidance({3, 10, {}, {{7}, 2, 0, 1}});
  const Floats negative{1, 2}, prompt{2, 4}, skipping{1, 5};
  ContextVelocities velocities;
  velocities.latents = negative;
  velocities.index = 1;
  velocities.of = {negative, prompt, skipping};
  const Velocity all = guidance.combined(velocities);
  EXPECT_EQ(all.followed, (Floats{1 + 3 * 1 + 2 * 1, 2 + 3 * 2 + 2 * -1}));
  EXPECT_EQ(all.negative, negative);
  ClassifierFreeGuidance nowhere({3, 10, {0.5, 0.5}});
  velocities.of = {prompt};
  const Velocity alone = nowhere.combined(velocities);
  EXPECT_EQ(alone.followed, prompt);
  EXPECT_TRUE(alone.negative.empty());
}

TEST(ClassifierFreeGuidance, LeadsAwayFromTheNegativeWithoutTheLayers) {
  ClassifierFreeGuidance guidance({3, 10, {}, {{7}, 2, 0, 1, true}});
  const Floats prompt{2, 4}, skipping{1, 5};
  const Velocity velocity = guidance.combined({prompt, 0.5f, 1, {prompt, skipping}});
  EXPECT_EQ(velocity.followed, (Floats{1 + 3 * 1, 5 + 3 * -1}));
  EXPECT_EQ(velocity.negative, skipping);
}

TEST(ClassifierFreeGuidance, HasNoVelocityInItsZeroSteps) {
  GuidanceSettings chosen = settings(3, 10);
  chosen.zero_star = true;
  chosen.zero_steps = 1;
  ClassifierFreeGuidance guidance(chosen);
  const Floats latents{2, 4}, negative{0, 0};
  EXPECT_EQ(guidance.combined({latents, 1.0f, 0, {}}).followed, (Floats{0, 0}));
  EXPECT_EQ(guidance.combined({latents, 0.9f, 1, {negative, latents}}).followed, (Floats{6, 12}));
}

// Each form, of two pictures at once, is that of each alone: its sums and its momentum are a picture's own.
TEST(ClassifierFreeGuidance, PicturesDoNotMix) {
  std::vector<GuidanceSettings> forms(3, settings(4.5, 10));
  forms[0].zero_star = true;
  forms[1].rescale = 0.7;
  forms[2].projection = AdaptiveProjection{0, 100, -0.5};
  NormalGenerator generator(RandomSource::torch_cpu, 3);
  Floats x(64), n(64), p(64);
  for (Floats* values : {&x, &n, &p}) generator.next(DType::f32, *values);
  const auto half = [](const Floats& all, std::size_t i) { return std::span(all).subspan(i * 32, 32); };
  for (const GuidanceSettings& form : forms) {
    ClassifierFreeGuidance together(form), first(form), second(form);
    for (int index = 0; index < 3; ++index) {
      const Floats both = together.combined({x, 0.7f, index, {n, p}, 2}).followed;
      Floats apart = first.combined({half(x, 0), 0.7f, index, {half(n, 0), half(p, 0)}}).followed;
      const Floats other = second.combined({half(x, 1), 0.7f, index, {half(n, 1), half(p, 1)}}).followed;
      apart.insert(apart.end(), other.begin(), other.end());
      EXPECT_EQ(both, apart) << index;
    }
  }
}

// 1024 values are 1/256 of a large picture's, whose differences are 16 times as long.
TEST(ClassifierFreeGuidance, TheRadiusIsThatOfALargePicture) {
  GuidanceSettings chosen = settings(4.5, 10);
  chosen.projection = AdaptiveProjection{0, 160, 0};
  ClassifierFreeGuidance guidance(chosen);
  NormalGenerator generator(RandomSource::torch_cpu, 3);
  Floats x(1024), n(1024), p(1024), average(1024);
  for (Floats* values : {&x, &n, &p}) generator.next(DType::f32, *values);
  EXPECT_EQ(guidance.combined({x, 0.7f, 0, {n, p}}).followed,
            projected_velocity(x, 0.7f, n, p, 4.5, {0, 10, 0}, average));
}

TEST(ClassifierFreeGuidance, RescalesLast) {
  GuidanceSettings chosen{3, 10, {}, {{7}, 2, 0, 1}};
  chosen.rescale = 0.5;
  const Floats negative{1, 2}, prompt{2, 4}, skipping{1, 5};
  Floats expected{1 + 3 * 1 + 2 * 1, 2 + 3 * 2 + 2 * -1};
  rescale_guidance(expected, prompt, 0.5);
  EXPECT_EQ(ClassifierFreeGuidance(chosen).combined({prompt, 0.5f, 1, {negative, prompt, skipping}}).followed,
            expected);
}

}  // namespace
}  // namespace sd35
