#include "sampling/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/random.h"
#include "sampling/sigmas.h"
#include "tests/unit/sampling/goldens.h"

namespace sd35 {
namespace {

constexpr SamplerKind kDeterministic[] = {SamplerKind::euler, SamplerKind::heun, SamplerKind::dpmpp_2m};
constexpr SamplerKind kAll[] = {SamplerKind::euler, SamplerKind::heun, SamplerKind::dpmpp_2m,
                                SamplerKind::euler_ancestral, SamplerKind::lcm};

void zeros(std::span<float> noise) { std::ranges::fill(noise, 0.0f); }

// The velocity of the goldens.
Floats curved(std::span<const float> x, float sigma, int) {
  Floats v;
  for (const float value : x) v.push_back(value * value * 0.25f + value * 0.5f - sigma);
  return v;
}

Floats trajectory(SamplerKind kind, int steps) {
  Floats x = goldens()["latents"];
  sample(kind, flow_sigmas(steps), x, curved, {}, 0, zeros);
  return x;
}

TEST(Euler, EqualsDiffusers) {
  for (const auto& [steps, latents] : goldens()["euler"].items())
    EXPECT_EQ(trajectory(SamplerKind::euler, std::stoi(steps)), latents.get<Floats>()) << steps;
}

// Not to the last bit: the scheduler converts the velocity to x_0 and back, which rounds.
TEST(Heun, FollowsDiffusers) {
  for (const auto& [steps, latents] : goldens()["heun"].items()) {
    const Floats x = trajectory(SamplerKind::heun, std::stoi(steps)), expected = latents;
    for (std::size_t k = 0; k < x.size(); ++k) EXPECT_NEAR(x[k], expected[k], 3e-6) << steps << " " << k;
  }
}

TEST(Sample, OneStepIsEulerInEveryMethod) {
  const Floats euler = trajectory(SamplerKind::euler, 1);
  for (const SamplerKind kind : kAll) {
    const Floats x = trajectory(kind, 1);
    for (std::size_t k = 0; k < x.size(); ++k) EXPECT_NEAR(x[k], euler[k], 1e-6);
  }
}

// Gaussian data, mean m and deviation d: the velocity and the solution are known. With
// w(s)^2 = (1 - s)^2 d^2 + s^2, x(s) = (1 - s) m + w(s) z for a constant z.
constexpr double kMean = 0.7, kDeviation = 0.6;

double width(double sigma) { return std::hypot((1 - sigma) * kDeviation, sigma); }

Floats gaussian(std::span<const float> x, float sigma, int) {
  const double s = sigma;
  Floats v;
  for (const float value : x) {
    const double slope = (s - (1 - s) * kDeviation * kDeviation) / (width(s) * width(s));
    v.push_back(static_cast<float>(slope * (value - (1 - s) * kMean) - kMean));
  }
  return v;
}

// Largest error at `end` after `steps` equal steps from sigma 1.
double gaussian_error(SamplerKind kind, int steps, double end) {
  Floats sigmas, x = {-2, -0.5f, 0.3f, 1.5f};
  const Floats z = x;
  for (int i = 0; i <= steps; ++i) sigmas.push_back(static_cast<float>(1 - (1 - end) * i / steps));
  sample(kind, sigmas, x, gaussian);
  double error = 0;
  for (std::size_t k = 0; k < x.size(); ++k)
    error = std::max(error, std::abs(x[k] - ((1 - end) * kMean + width(end) * z[k])));
  return error;
}

double order(SamplerKind kind) {
  constexpr double kEnd = 0.25;
  return std::log2(gaussian_error(kind, 16, kEnd) / gaussian_error(kind, 32, kEnd));
}

TEST(Sample, ConvergesWithTheOrderOfTheMethod) {
  EXPECT_NEAR(order(SamplerKind::euler), 1, 0.15);
  EXPECT_NEAR(order(SamplerKind::heun), 2, 0.25);
  EXPECT_NEAR(order(SamplerKind::dpmpp_2m), 2, 0.25);
}

TEST(Sample, EveryMethodReachesTheData) {
  for (const SamplerKind kind : kDeterministic) EXPECT_LT(gaussian_error(kind, 200, 0), 0.01);
}

// One step by hand: x_0 predictions 2 and then 3 + the first step's, sigmas 1, 0.5, 0.2.
TEST(DpmSolverPlusPlus2M, ExtrapolatesInTheLogarithmOfSigma) {
  const Floats sigmas = {1, 0.5f, 0.2f};
  const double x0[] = {2, 3};
  Floats x = {-1};
  sample(SamplerKind::dpmpp_2m, sigmas, x, [&](std::span<const float> latents, float sigma, int index) {
    return Floats{static_cast<float>((latents[0] - x0[index]) / sigma)};
  });
  const double middle = 0.5 * -1 + 0.5 * 2;
  const double ratio = std::log(0.5 / 0.2) / std::log(1 / 0.5);
  EXPECT_NEAR(x[0], 0.4 * middle + 0.6 * (3 + (3 - 2) * ratio / 2), 1e-6);
}

TEST(DpmSolverPlusPlus2M, LastStepToZeroIsThePrediction) {
  Floats x = {-1, 4};
  sample(SamplerKind::dpmpp_2m, flow_sigmas(5), x, [](std::span<const float> latents, float sigma, int) {
    return Floats{(latents[0] - 7) / sigma, (latents[1] - 7) / sigma};
  });
  EXPECT_NEAR(x[0], 7, 1e-5);
  EXPECT_NEAR(x[1], 7, 1e-5);
}

// The prediction D(x, sigma) = x / 2 + sigma / 10, four equal steps from x = 1, each draw the same number;
// the values by ComfyUI's formulas in f64.
float toy(SamplerKind kind, float noise) {
  Floats x = {1};
  const auto velocity = [](std::span<const float> latents, float sigma, int) {
    return Floats{(latents[0] - (latents[0] / 2 + sigma / 10)) / sigma};
  };
  sample(kind, Floats{1, 0.75f, 0.5f, 0.25f, 0}, x, velocity, {}, 0,
         [noise](std::span<float> z) { std::ranges::fill(z, noise); });
  return x[0];
}

TEST(Sample, ToyByHand) {
  EXPECT_NEAR(toy(SamplerKind::euler, 0), 0.3281250000, 1e-6);
  EXPECT_NEAR(toy(SamplerKind::dpmpp_2m, 0), 0.3009382000, 1e-6);
  EXPECT_NEAR(toy(SamplerKind::euler_ancestral, 0), 0.1178411990, 1e-6);
  EXPECT_NEAR(toy(SamplerKind::euler_ancestral, 1), 0.4450822192, 1e-6);
  EXPECT_NEAR(toy(SamplerKind::lcm, 0), 0.0578125000, 1e-6);
  EXPECT_NEAR(toy(SamplerKind::lcm, 1), 0.3117187500, 1e-6);
}

// From 0.75 to 0.5: down to 1/3, which keeps 4/9 of x; then 0.75 of that and noise.
TEST(EulerAncestral, StepByHand) {
  const auto step = [](float start, float noise) {
    Floats x = {start};
    const auto to_zero = [](std::span<const float> latents, float sigma, int) {
      return Floats{latents[0] / sigma};  // D = 0
    };
    sample(SamplerKind::euler_ancestral, Floats{0.75f, 0.5f}, x, to_zero, {}, 0,
           [noise](std::span<float> z) { z[0] = noise; });
    return x[0];
  };
  EXPECT_NEAR(step(1, 0), 0.44444444 * 0.75, 1e-7);
  EXPECT_NEAR(step(0, 1), 0.43301270, 1e-7);
}

// To the last bit, with the noise of one generator: eight values are torch's scalar draws.
TEST(Lcm, EqualsDiffusers) {
  for (const auto& [steps, golden] : goldens()["lcm"].items()) {
    EXPECT_EQ(flow_sigmas(std::stoi(steps)), golden["sigmas"].get<Floats>());
    NormalGenerator generator(RandomSource::torch_cpu, 7);
    Floats x = goldens()["latents"];
    sample(SamplerKind::lcm, flow_sigmas(std::stoi(steps)), x, curved, {}, 0,
           [&](std::span<float> noise) { generator.next(DType::f32, noise); });
    EXPECT_EQ(x, golden["latents"].get<Floats>()) << steps;
  }
}

struct Moments {
  double mean = 0, variance = 0;
};

// Of many values that begin as noise and are drawn to the Gaussian data.
Moments moments(SamplerKind kind, const Floats& sigmas) {
  NormalGenerator generator(RandomSource::torch_cpu, 11);
  const auto noise = [&](std::span<float> z) { generator.next(DType::f32, z); };
  Floats x(100'000);
  noise(x);
  sample(kind, sigmas, x, gaussian, {}, 0, noise);
  Moments result;
  for (const float value : x) result.mean += value / static_cast<double>(x.size());
  for (const float value : x)
    result.variance += (value - result.mean) * (value - result.mean) / static_cast<double>(x.size());
  return result;
}

TEST(EulerAncestral, DrawsTheDataWithItsDeviation) {
  Floats sigmas;
  for (int i = 0; i <= 200; ++i) sigmas.push_back(1 - static_cast<float>(i) / 200);
  const auto [mean, variance] = moments(SamplerKind::euler_ancestral, sigmas);
  EXPECT_NEAR(mean, kMean, 0.01);
  EXPECT_NEAR(std::sqrt(variance), kDeviation, 0.01);
}

// Its prediction is the mean of what the latents may become, so that each step loses variance, by how much is
// known: D = m + (1 - s) d^2 / w^2 (x - (1 - s) m).
TEST(Lcm, LosesTheVarianceThatItsPredictionsDo) {
  const Floats sigmas = {1, 0.75f, 0.5f, 0.25f, 0};
  double variance = 1;
  for (std::size_t i = 0; i + 1 < sigmas.size(); ++i) {
    const double s = sigmas[i], to = sigmas[i + 1];
    const double slope = (1 - s) * kDeviation * kDeviation / (width(s) * width(s));
    variance = (1 - to) * (1 - to) * slope * slope * variance + to * to;
  }
  const Moments drawn = moments(SamplerKind::lcm, sigmas);
  EXPECT_NEAR(drawn.mean, kMean, 0.01);
  EXPECT_NEAR(drawn.variance, variance, 0.02 * variance);
}

TEST(Sample, DrawsNoiseForEveryStepButTheLast) {
  for (const SamplerKind kind : kAll) {
    int draws = 0;
    Floats x = {1, 2};
    sample(kind, flow_sigmas(7), x, curved, {}, 2, [&](std::span<float> noise) {
      EXPECT_EQ(noise.size(), 2u);
      zeros(noise);
      ++draws;
    });
    EXPECT_EQ(draws, adds_noise(kind) ? 4 : 0);
    EXPECT_EQ(adds_noise(kind), std::ranges::find(kDeterministic, kind) == std::end(kDeterministic));
    if (adds_noise(kind)) {
      EXPECT_THROW(sample(kind, flow_sigmas(7), x, curved), Error);
    }
  }
}

TEST(Sample, EvaluatesWhereItShould) {
  const Floats sigmas = flow_sigmas(3);
  const auto evaluated = [&](SamplerKind kind) {
    std::vector<int> indices;
    Floats x = {0.5f};
    sample(
        kind, sigmas, x,
        [&](std::span<const float> latents, float sigma, int index) {
          EXPECT_EQ(sigma, sigmas[index]);
          indices.push_back(index);
          return Floats(latents.begin(), latents.end());
        },
        {}, 0, zeros);
    return indices;
  };
  EXPECT_EQ(evaluated(SamplerKind::euler), (std::vector<int>{0, 1, 2}));
  EXPECT_EQ(evaluated(SamplerKind::heun), (std::vector<int>{0, 1, 1, 2, 2}));
  for (const SamplerKind kind : {SamplerKind::dpmpp_2m, SamplerKind::euler_ancestral, SamplerKind::lcm})
    EXPECT_EQ(evaluated(kind), (std::vector<int>{0, 1, 2}));
}

TEST(Sample, ReportsEveryStepAndStopsWhenAsked) {
  for (const SamplerKind kind : kAll) {
    std::vector<int> done;
    Floats x = {1};
    const auto until_third = [&](int steps_done, std::span<const float> latents) {
      EXPECT_EQ(latents.data(), x.data());
      done.push_back(steps_done);
      if (steps_done == 3) throw Cancelled();
    };
    EXPECT_THROW(sample(kind, flow_sigmas(9), x, curved, until_third, 0, zeros), Cancelled);
    EXPECT_EQ(done, (std::vector<int>{1, 2, 3}));
  }
}

TEST(Sample, NamesTheStepOfANumericError) {
  for (const float bad : {NAN, INFINITY, -INFINITY}) {
    for (const SamplerKind kind : kAll) {
      Floats x = {1, 2};
      try {
        sample(
            kind, flow_sigmas(4), x,
            [&](std::span<const float>, float, int index) {
              return Floats{0, index == 2 ? bad : 0.0f};
            },
            {}, 0, zeros);
        FAIL();
      } catch (const NumericError& error) {
        EXPECT_NE(std::string(error.what()).find("(step 3)"), std::string::npos) << error.what();
      }
    }
  }
}

TEST(Sample, RefusesBadInput) {
  Floats x = {1, 2};
  for (const Floats& sigmas : {Floats{}, Floats{1}, Floats{0.5f, 0.5f}, Floats{0.5f, 0.7f}, Floats{2, 1},
                               Floats{1, -1}, Floats{1, NAN}})
    EXPECT_THROW(sample(SamplerKind::euler, sigmas, x, curved), ArgumentError);
  const auto short_velocity = [](std::span<const float>, float, int) { return Floats{1}; };
  EXPECT_THROW(sample(SamplerKind::euler, flow_sigmas(2), x, short_velocity), Error);
}

TEST(SamplerNames, AreKnown) {
  EXPECT_EQ(sampler_from_name("euler"), SamplerKind::euler);
  EXPECT_EQ(sampler_from_name("heun"), SamplerKind::heun);
  EXPECT_EQ(sampler_from_name("dpm++2m"), SamplerKind::dpmpp_2m);
  EXPECT_EQ(sampler_from_name("euler_a"), SamplerKind::euler_ancestral);
  EXPECT_EQ(sampler_from_name("lcm"), SamplerKind::lcm);
  try {
    sampler_from_name("ddim");
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_STREQ(error.what(), "unknown sampler 'ddim'; known: euler, heun, dpm++2m, euler_a, lcm");
  }
}

}  // namespace
}  // namespace sd35
