// Decoding in bands, which keeps fewer maps: the same picture, whatever is kept, and less memory.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "ops/ops.h"
#include "tests/support/compare.h"
#include "vae/autoencoder.h"

namespace sd35 {
namespace {

Tensor numbers(const Shape& shape, float phase, float size) {
  Tensor x(shape, DType::f32);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data<float>()[i] = size * std::sin(phase + 12.9898f * static_cast<float>(i % 9973));
  return x;
}

// Weights that look random and keep the values of every layer near one.
class RandomDecoder : public ParameterVisitor {
 public:
  RandomDecoder(const VaeConfig& config, const Ops& ops) : ops_(ops), decoder(config) {
    decoder.parameters(Parameters(*this));
  }
  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    double inputs = 1;
    for (int i = 1; i < spec.shape.rank(); ++i) inputs *= static_cast<double>(spec.shape[i]);
    tensor = numbers(spec.shape, static_cast<float>(++count_), static_cast<float>(1.4 / std::sqrt(inputs)));
  }
  void linear_done(Linear& layer) override { ops_.prepare(layer, Reuse::many); }
  void conv_done(Conv2d& conv) override { ops_.prepare(conv); }

 private:
  const Ops& ops_;
  int count_ = 0;

 public:
  VaeDecoder decoder;
};

VaeConfig config_of(std::vector<std::int64_t> channels) {
  VaeConfig config;
  config.block_out_channels = std::move(channels);
  config.layers_per_block = 1;
  config.norm_num_groups = 4;
  config.latent_channels = 4;
  return config;
}

struct Case {
  std::vector<std::int64_t> channels;
  std::int64_t batch, h, w;
};

class BandsTest : public testing::TestWithParam<DType> {
 protected:
  std::unique_ptr<Ops> ops = make_native_ops(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Types, BandsTest, testing::Values(DType::f32, DType::bf16),
                         [](const auto& info) { return std::string(name_of(info.param)); });

TEST_P(BandsTest, GiveTheWholePictureToTheLastBit) {
  // Wide pictures, so that a band is a few rows; heights that bands do not divide; one level without a second
  // one, and so with an odd height; levels that change their channels, and that do not.
  for (const Case& c : std::vector<Case>{{{64, 128, 128}, 1, 5, 131},
                                         {{64, 64}, 1, 9, 256},
                                         {{64, 32}, 2, 7, 400},
                                         {{256}, 1, 13, 301},
                                         {{16, 32, 48, 48}, 1, 5, 8}}) {
    const RandomDecoder random(config_of(c.channels), *ops);
    const Tensor latents = numbers({c.batch, 4, c.h, c.w}, 0, 1);
    const Tensor whole = random.decoder.forward(*ops, latents);
    for (const float value : whole.floats()) ASSERT_TRUE(std::isfinite(value));
    for (const KeptMaps kept : {KeptMaps::two, KeptMaps::one, KeptMaps::none}) {
      const Tensor bands = random.decoder.forward(*ops, latents, {}, kept);
      EXPECT_TRUE(same_bits(bands, whole))
          << c.channels.size() << " levels, " << c.h << " x " << c.w << ", kept " << static_cast<int>(kept)
          << ": " << relative_error(bands, whole);
    }
  }
}

TEST_P(BandsTest, ReportEveryBlock) {
  const RandomDecoder random(config_of({16, 32}), *ops);
  for (const KeptMaps kept : {KeptMaps::all, KeptMaps::two, KeptMaps::one, KeptMaps::none}) {
    int blocks = 0;
    random.decoder.forward(
        *ops, numbers({1, 4, 6, 7}, 0, 1), [&] { ++blocks; }, kept);
    EXPECT_EQ(blocks, random.decoder.block_count());
  }
}

TEST(Bands, EnginesWithoutThemKeepEveryMap) {
  const auto ref = make_ref_ops();
  ASSERT_EQ(ref->banded(), nullptr);
  const RandomDecoder random(config_of({8, 16}), *ref);
  const Tensor latents = numbers({1, 4, 3, 5}, 0, 1);
  EXPECT_TRUE(same_bits(random.decoder.forward(*ref, latents, {}, KeptMaps::none),
                        random.decoder.forward(*ref, latents)));
}

}  // namespace
}  // namespace sd35
