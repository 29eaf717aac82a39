// The sampler around the transformer: its hooks, and pictures that go together.
#include "pipeline/denoise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "tests/support/compare.h"
#include "tests/unit/pipeline/bf16_model.h"
#include "weights/load.h"
#include "weights/model/model_files.h"

namespace sd35 {
namespace {

constexpr std::int64_t kTokens = 93, kWidth = 320;

Tensor normal(std::uint64_t seed, const Shape& shape) {
  return initial_noise(RandomSource::torch_cpu, DType::f32, seed, shape);
}

class DenoiseTest : public testing::Test {
 protected:
  DenoiseTest()
      : files_(ModelFiles::open(bf16_model().string())),
        weights_(files_.weights(Component::transformer)),
        ops_(make_native_ops(DType::f32)),
        transformer_(MmditConfig::from_json(files_.config(Component::transformer), "test")) {
    Loader loader(*weights_, *ops_, Reuse::many);
    transformer_.parameters(Parameters(loader));
  }

  // Pictures with these seeds, guided.
  static DenoiseJob job(const std::vector<std::uint64_t>& seeds) {
    DenoiseJob job;
    job.latents = Tensor({static_cast<std::int64_t>(seeds.size()), 16, 6, 8}, DType::f32);
    for (std::size_t i = 0; i < seeds.size(); ++i)
      std::ranges::copy(normal(seeds[i], {1, 16, 6, 8}).floats(), job.latents.data<float>() + i * 16 * 6 * 8);
    job.next_noise = noise_of_pictures(RandomSource::torch_cpu, DType::f32, seeds);
    job.sigmas = {1.0f, 0.8f, 0.5f, 0.0f};
    job.prompt = {normal(1, {2, kTokens, kWidth}), normal(2, {2, kWidth})};
    job.contexts = {{0, {}}, {1, {}}, {1, {1}}};
    job.guidance = std::make_shared<ClassifierFreeGuidance>(
        GuidanceSettings{4.5, 3, GuidanceInterval{}, SkipLayerGuidance{{1}, 2.8, 0.1, 0.9}});
    return job;
  }

  Tensor run(DenoiseJob job) const {
    const Callbacks silent;
    return denoise(*ops_, transformer_, std::move(job), StageProgress(silent, Stage::denoise));
  }

  ModelFiles files_;
  std::shared_ptr<const WeightSource> weights_;
  std::unique_ptr<Ops> ops_;
  Transformer transformer_;
};

TEST_F(DenoiseTest, PicturesThatGoTogetherAreThoseThatGoAlone) {
  const auto expect_same = [&](const Tensor& together, const Tensor& alone) {
    if (ops_->rows_are_independent())
      EXPECT_TRUE(same_bits(together, alone));
    else
      EXPECT_LT(relative_error(together, alone), 1e-5);
  };
  for (const SamplerKind sampler : {SamplerKind::euler, SamplerKind::heun, SamplerKind::dpmpp_2m,
                                    SamplerKind::euler_ancestral, SamplerKind::lcm}) {
    DenoiseJob together = job({7, 8, 9});
    together.sampler = sampler;
    const Tensor all = run(std::move(together));
    for (std::int64_t i = 0; i < 3; ++i) {
      DenoiseJob one = job({7 + static_cast<std::uint64_t>(i)});
      one.sampler = sampler;
      expect_same(all.rows(i, i + 1), run(std::move(one)));
    }
  }
}

// What CFG-Zero* leaves out costs no forward and leaves the latents as they are.
TEST_F(DenoiseTest, AStepWithoutForwards) {
  GuidanceSettings settings{4.5, 3};
  settings.zero_steps = 1;
  DenoiseJob left_out = job({7});
  left_out.guidance = std::make_shared<ClassifierFreeGuidance>(settings);
  int forwards = 0;
  left_out.block_residuals = [&](const TransformerInput&) {
    ++forwards;
    return std::vector<Tensor>();
  };
  const Tensor start = left_out.latents.clone();
  left_out.after_step = [&](int steps_done, std::span<float> latents) {
    EXPECT_EQ(forwards, steps_done - 1);
    EXPECT_EQ(std::ranges::equal(latents, start.floats()), steps_done == 1);
  };
  run(std::move(left_out));
}

TEST(NoiseOfPictures, GoesOnWithTheGeneratorOfEachSeed) {
  const std::vector<std::uint64_t> seeds{3, 4};
  for (const RandomSource source : {RandomSource::torch_cpu, RandomSource::torch_cuda}) {
    const NoiseSource together = noise_of_pictures(source, DType::f32, seeds);
    NormalGenerator third(source, 3), fourth(source, 4);
    for (int draw = 0; draw < 3; ++draw) {
      std::vector<float> both(40), first(20), second(20);
      together(both);
      third.next(DType::f32, first);
      fourth.next(DType::f32, second);
      first.insert(first.end(), second.begin(), second.end());
      EXPECT_EQ(both, first) << draw;
    }
  }
}

TEST_F(DenoiseTest, OneContextAPassChangesRoundingAtMost) {
  DenoiseJob apart = job({7});
  apart.one_context_a_pass = true;
  EXPECT_LT(relative_error(run(std::move(apart)), run(job({7}))), 1e-6);
}

TEST_F(DenoiseTest, WithoutGuidanceTheFirstContextIsFollowed) {
  DenoiseJob alone = job({7}), first = job({7});
  first.guidance = nullptr;
  alone.guidance = nullptr;
  alone.contexts = {{0, {}}};
  EXPECT_TRUE(same_bits(run(std::move(first)), run(std::move(alone))));
}

// What is denoised from the second step on is the same as the whole run's, given its latents there.
TEST_F(DenoiseTest, BeginsAtALaterStep) {
  DenoiseJob whole = job({7}), rest = job({7});
  whole.after_step = [&](int steps_done, std::span<float> latents) {
    if (steps_done == 1) std::ranges::copy(latents, rest.latents.data<float>());
  };
  const Tensor expected = run(std::move(whole));
  rest.first_step = 1;
  EXPECT_TRUE(same_bits(run(std::move(rest)), expected));
  DenoiseJob none = job({7});
  none.first_step = 3;
  EXPECT_THROW(run(std::move(none)), ArgumentError);
}

TEST_F(DenoiseTest, WhatIsChangedAfterAStepIsDenoisedOn) {
  DenoiseJob erased = job({7}), other = job({8});
  const auto to_zero = [](int steps_done, std::span<float> latents) {
    if (steps_done == 2) std::ranges::fill(latents, 0.0f);
  };
  erased.after_step = other.after_step = to_zero;
  EXPECT_TRUE(same_bits(run(std::move(erased)), run(std::move(other)))) << "nothing is left of the noise";
}

TEST_F(DenoiseTest, CallersCombineVelocitiesAsTheyLike) {
  // The mean of three contexts, of which two are asked in every second step.
  class Mean : public Guidance {
   public:
    std::vector<int> contexts(int index) const override {
      return index % 2 == 0 ? std::vector{0, 1, 2} : std::vector{0, 2};
    }
    Velocity combined(const ContextVelocities& velocities) override {
      std::vector<float> mean(velocities.latents.size());
      for (const auto& v : velocities.of)
        for (std::size_t k = 0; k < mean.size(); ++k)
          mean[k] += v[k] / static_cast<float>(velocities.of.size());
      counts += std::to_string(velocities.of.size());
      return mean;
    }
    std::string counts;
  };
  const auto mean = std::make_shared<Mean>();
  DenoiseJob thrice = job({7}), once = job({7});
  thrice.contexts = {{1, {}}, {1, {}}, {1, {}}};  // all the same
  thrice.guidance = mean;
  once.contexts = {{1, {}}};
  once.guidance = nullptr;
  EXPECT_LT(relative_error(run(std::move(thrice)), run(std::move(once))), 1e-5);
  EXPECT_EQ(mean->counts, "323");
}

TEST_F(DenoiseTest, ResidualsReachEveryForward) {
  DenoiseJob none = job({7}), zeros = job({7}), some = job({7});
  std::vector<std::int64_t> rows;
  const auto residuals = [&](bool zero) {
    return [&rows, zero](const TransformerInput& input) {
      rows.push_back(input.latents.dim(0));
      const Shape shape{input.latents.dim(0), 12, 96};
      return std::vector<Tensor>{Tensor(), zero ? Tensor::zeros(shape) : normal(30, shape)};
    };
  };
  ASSERT_EQ(transformer_.config().width(), 96);
  const Tensor expected = run(std::move(none));
  zeros.block_residuals = residuals(true);
  EXPECT_TRUE(same_bits(run(std::move(zeros)), expected));
  some.block_residuals = residuals(false);
  EXPECT_GT(relative_error(run(std::move(some)), expected), 1e-3);
  EXPECT_EQ(std::vector(rows.begin(), rows.begin() + 3), (std::vector<std::int64_t>{2, 2, 1}));
}

// A reference matters, although it shares the latents' positions: another one gives another picture, and the
// latents keep their size.
TEST_F(DenoiseTest, ReferencesAreSeen) {
  const auto with = [&](std::uint64_t seed) {
    DenoiseJob edited = job({7});
    edited.references = {normal(seed, {1, 16, 6, 8})};
    return run(std::move(edited));
  };
  const Tensor one = with(20), other = with(21);
  EXPECT_EQ(one.shape(), (Shape{1, 16, 6, 8}));
  EXPECT_GT(relative_error(one, other), 1e-3);
  EXPECT_GT(relative_error(one, run(job({7}))), 1e-3);
}

}  // namespace
}  // namespace sd35
