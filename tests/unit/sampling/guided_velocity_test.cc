#include "sampling/guided_velocity.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "tests/unit/sampling/goldens.h"

namespace sd35 {
namespace {

constexpr double kScale = 4.5;
const Floats kPrompt = {1, 2, 3, 4}, kNegative = {0.5f, 1, -1, 2}, kLatents = {0.1f, 0.2f, 0.3f, 0.4f};
constexpr float kSigma = 0.8f;

void expect_values(const Floats& values, const std::vector<double>& expected) {
  ASSERT_EQ(values.size(), expected.size());
  for (std::size_t k = 0; k < values.size(); ++k)
    EXPECT_NEAR(values[k], expected[k], 1e-6 * (1 + std::abs(expected[k]))) << k;
}

// The velocities of `calls` evaluations with the same input; the last of them.
Floats projected(const AdaptiveProjection& projection, int calls = 1) {
  Floats average(kLatents.size()), velocity;
  for (int i = 0; i < calls; ++i)
    velocity = projected_velocity(kLatents, kSigma, kNegative, kPrompt, kScale, projection, average);
  return velocity;
}

TEST(GuidedVelocity, EqualsTheReference) {
  EXPECT_EQ(guided_velocity(goldens()["latents"].get<Floats>(), goldens()["noise"].get<Floats>(), 4.5),
            goldens()["guided"].get<Floats>());
  expect_values(guided_velocity(kNegative, kPrompt, kScale), {2.75, 5.5, 17, 11});
}

TEST(GuidedVelocity, Identities) {
  EXPECT_EQ(guided_velocity(kNegative, kPrompt, 1), kPrompt);
  EXPECT_EQ(guided_velocity(kNegative, kPrompt, 0), kNegative);
  EXPECT_EQ(guided_velocity(kNegative, kNegative, 7), kNegative);
  EXPECT_THROW(guided_velocity(kNegative, Floats{1}, 2), Error);
}

TEST(ZeroStarVelocity, ScalesTheNegative) {
  expect_values(zero_star_velocity(kNegative, kPrompt, kScale), {2.4, 4.8, 17.7, 9.6});  // a = 1.2
  expect_values(zero_star_velocity(kPrompt, kPrompt, kScale), {1, 2, 3, 4});
  expect_values(zero_star_velocity(Floats(4), kPrompt, kScale), {4.5, 9, 13.5, 18});  // a = 0
  EXPECT_THROW(zero_star_velocity(kNegative, Floats{1}, 2), Error);
}

TEST(RescaleGuidance, BringsTheDeviationNearerToThePrompts) {
  Floats velocity = guided_velocity(kNegative, kPrompt, kScale);
  rescale_guidance(velocity, kPrompt, 0.7);
  expect_values(velocity, {1.219095, 2.43819, 7.536225, 4.876381});
  Floats whole = guided_velocity(kNegative, kPrompt, kScale), same = whole;
  rescale_guidance(whole, kPrompt, 1);
  EXPECT_NEAR(whole[2] - whole[0], (17 - 2.75) * std::sqrt(5 / 119.296875), 1e-5);
  rescale_guidance(same, kPrompt, 0);
  expect_values(same, {2.75, 5.5, 17, 11});
}

TEST(RescaleGuidance, LeavesWhatDoesNotDeviate) {
  Floats flat = {2, 2, 2, 2}, one = {3};
  rescale_guidance(flat, kPrompt, 0.7);
  EXPECT_EQ(flat, (Floats{2, 2, 2, 2}));
  rescale_guidance(one, Floats{1}, 0.7);
  EXPECT_EQ(one, Floats{3});
  EXPECT_THROW(rescale_guidance(one, kPrompt, 0.7), Error);
}

TEST(ProjectedVelocity, IsThePapersOnPredictions) {
  expect_values(projected({0, 2.5, 0}), {0.406831, 0.813662, 7.152185, 1.627323});
  expect_values(projected({0, 0, 0}), {0.125, 0.25, 9.125, 0.5});
  expect_values(projected({1, 2.5, 0}), {2.186338, 4.372677, 12.490708, 8.745354});
  expect_values(projected({0, 2.5, -0.5}, 2), {0.5625, 1.125, 6.0625, 2.25});
}

TEST(ProjectedVelocity, KeepsTheAverageForTheNextEvaluation) {
  Floats average(4);
  const AdaptiveProjection projection{0, 0, -0.5};
  projected_velocity(kLatents, kSigma, kNegative, kPrompt, kScale, projection, average);
  expect_values(average, {-0.4, -0.8, -3.2, -1.6});  // sigma (n - p)
  projected_velocity(kLatents, kSigma, kNegative, kPrompt, kScale, projection, average);
  expect_values(average, {-0.2, -0.4, -1.6, -0.8});
}

TEST(ProjectedVelocity, WithoutAnyEffectIsClassifierFreeGuidance) {
  NormalGenerator generator(RandomSource::torch_cpu, 1);
  for (int i = 0; i < 50; ++i) {
    Floats x(100), n(100), p(100), average(100);
    for (Floats* values : {&x, &n, &p}) generator.next(DType::f32, *values);
    const double scale = 1 + 0.2 * i;
    const Floats v =
        projected_velocity(x, 0.02f * static_cast<float>(i + 1), n, p, scale, {1, 0, 0}, average);
    const Floats expected = guided_velocity(n, p, scale);
    for (std::size_t k = 0; k < v.size(); ++k) EXPECT_NEAR(v[k], expected[k], 2e-6 * scale) << i;
  }
}

TEST(ProjectedVelocity, NothingToProject) {
  Floats average(4);
  EXPECT_EQ(projected_velocity(kLatents, kSigma, kPrompt, kPrompt, kScale, {0, 2.5, 0}, average), kPrompt);
  // A prediction of zero has no direction: the whole difference stays.
  const Floats x = {0.5f, 1}, p = {1, 2}, n = {0, 0};
  average.assign(2, 0);
  expect_values(projected_velocity(x, 0.5f, n, p, 3, {0, 0, 0}, average), {3, 6});
  EXPECT_THROW(projected_velocity(x, 0.5f, n, p, 3, {}, std::span<float>(average).first(1)), Error);
}

const Json& guider_goldens() {
  static const Json golden = Json::parse(file_bytes(SD35_SOURCE_DIR "/tests/golden/guidance.json"));
  return golden;
}

// What tools/reference/guidance_goldens.py keeps of a result.
void expect_kept(const Floats& values, const Json& golden) {
  double sizes = 0;
  for (const float value : values) sizes += std::abs(value);
  Floats kept = {values[0], values[700], values[1029], values[2047],
                 static_cast<float>(sizes / static_cast<double>(values.size()))};
  for (std::size_t k = 0; k < kept.size(); ++k)
    EXPECT_NEAR(kept[k], golden[k].get<double>(), 1e-5 * (1 + std::abs(golden[k].get<double>()))) << k;
}

// The results of `formula` for each of two pictures, one after another.
template <class Formula>
Floats of_both(const Formula& formula) {
  Floats all = formula(0), second = formula(1024);
  all.insert(all.end(), second.begin(), second.end());
  return all;
}

TEST(GuidedVelocity, FormsEqualDiffusersGuiders) {
  const Json& cases = guider_goldens()["cases"];
  ASSERT_EQ(cases.size(), 100u);
  for (std::size_t number = 0; number < cases.size(); ++number) {
    SCOPED_TRACE(number);
    NormalGenerator generator(RandomSource::torch_cpu, number);
    Floats x(2048), p(2048), n(2048), average(2048);
    for (Floats* values : {&x, &p, &n}) generator.next(DType::f32, *values);
    for (std::size_t k = 0; k < n.size(); ++k) n[k] = 0.8f * p[k] + 0.6f * n[k];
    const auto part = [](Floats& all, std::size_t begin) {
      return std::span<float>(all).subspan(begin, 1024);
    };
    const auto rescaled = [&](Floats velocity, std::size_t begin) {
      rescale_guidance(velocity, part(p, begin), 0.7);
      return velocity;
    };
    const auto guided = [&](std::size_t i) { return guided_velocity(part(n, i), part(p, i), kScale); };
    const auto zero_star = [&](std::size_t i) { return zero_star_velocity(part(n, i), part(p, i), kScale); };
    expect_kept(of_both([&](std::size_t i) { return rescaled(guided(i), i); }), cases[number]["rescaled"]);
    expect_kept(of_both(zero_star), cases[number]["zero_star"]);
    expect_kept(of_both([&](std::size_t i) { return rescaled(zero_star(i), i); }),
                cases[number]["zero_star_rescaled"]);
    const float sigma = static_cast<float>(number + 1) / 100;
    const AdaptiveProjection projection{0.25, 12.0 * sigma, -0.5};
    for (const char* call : {"projected", "projected_again"})
      expect_kept(of_both([&](std::size_t i) {
                    return projected_velocity(part(x, i), sigma, part(n, i), part(p, i), kScale, projection,
                                              part(average, i));
                  }),
                  cases[number][call]);
  }
}

}  // namespace
}  // namespace sd35
