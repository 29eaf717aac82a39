// The first-block cache of the transformer against what it stands for, put together from taps.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/error.h"
#include "mmdit/transformer.h"
#include "ops/decor/forwarding_ops.h"

namespace sd35 {
namespace {

// Fills whatever a model describes with numbers that look random.
class Filler : public ParameterVisitor {
 public:
  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    tensor = numbers(spec.shape, static_cast<float>(++count_), 0.05f);
  }
  static Tensor numbers(const Shape& shape, float phase, float size) {
    Tensor x(shape, DType::f32);
    for (std::int64_t i = 0; i < x.numel(); ++i)
      x.data<float>()[i] = size * std::sin(phase + 12.9898f * static_cast<float>(i % 997));
    return x;
  }

 private:
  int count_ = 0;
};

class Taps : public ForwardingOps {
 public:
  using ForwardingOps::ForwardingOps;
  void tap(std::string_view name, const Tensor& x) const override {
    seen.insert_or_assign(std::string(name), x.clone());
    ++calls[std::string(name)];
  }
  mutable std::map<std::string, Tensor> seen;
  mutable std::map<std::string, int> calls;
};

class BlockCacheTest : public testing::Test {
 protected:
  BlockCacheTest() {
    Filler filler;
    transformer.parameters(Parameters(filler));
  }
  static MmditConfig config() {
    MmditConfig config;
    config.num_layers = 3;
    config.num_attention_heads = 2;
    config.attention_head_dim = 8;
    config.in_channels = config.out_channels = 4;
    config.patch_size = 2;
    config.joint_attention_dim = 12;
    config.pooled_projection_dim = 10;
    config.pos_embed_max_size = 8;
    config.dual_attention = {true, false, false};
    return config;
  }
  static TransformerInput input(float phase) {
    TransformerInput input;
    input.latents = Filler::numbers({2, 4, 8, 8}, phase, 1);
    input.timesteps = {700 + phase, 700 + phase};
    input.prompt_embedding = Filler::numbers({2, 5, 12}, 3, 1);
    input.pooled_projection = Filler::numbers({2, 10}, 4, 1);
    return input;
  }
  Tensor run(TransformerInput in, double threshold) {
    in.cache = cache;
    in.cache_threshold = threshold;
    return transformer.forward(taps, in);
  }
  static bool same(const Tensor& a, const Tensor& b) { return std::ranges::equal(a.floats(), b.floats()); }

  Transformer transformer{config()};
  std::unique_ptr<Ops> ref = make_ref_ops();
  Taps taps{*ref};
  std::vector<BlockCache> cache{2};
};

TEST_F(BlockCacheTest, NeverHitsAtThresholdZero) {
  for (const float phase : {0.0f, 0.0f, 0.001f})
    EXPECT_TRUE(same(run(input(phase), 0), transformer.forward(*ref, input(phase))));
  EXPECT_EQ(taps.calls["block2.x"], 3);
}

TEST_F(BlockCacheTest, AHitAddsWhatTheOtherBlocksAddedLast) {
  run(input(0), 1);
  const auto then = taps.seen;
  const Tensor v = run(input(0.02f), 1);
  EXPECT_EQ(taps.calls["block0.x"], 2);
  EXPECT_EQ(taps.calls["block2.x"], 1) << "the other blocks ran again";
  const auto x = taps.seen["cached.x"].floats(), first = taps.seen["block0.x"].floats(),
             last_then = then.at("block2.x").floats(), first_then = then.at("block0.x").floats();
  for (std::size_t i = 0; i < x.size(); ++i) ASSERT_EQ(x[i], first[i] + (last_then[i] - first_then[i])) << i;
  EXPECT_FALSE(same(v, transformer.forward(*ref, input(0.02f))));
}

TEST_F(BlockCacheTest, EachPictureIsDecidedOnItsOwn) {
  run(input(0), 1);
  TransformerInput changed = input(0.001f);
  const Tensor other = Filler::numbers({1, 4, 8, 8}, 2, 40);
  std::ranges::copy(other.floats(), changed.latents.data<float>() + other.numel());
  const Tensor whole = transformer.forward(*ref, changed);
  const Tensor v = run(changed, 0.05);
  EXPECT_FALSE(same(v.rows(0, 1), whole.rows(0, 1)));
  EXPECT_TRUE(same(v.rows(1, 2), whole.rows(1, 2)));
  EXPECT_THROW(run(
                   [] {
                     TransformerInput one = input(0);
                     one.latents = one.latents.rows(0, 1);
                     one.timesteps.pop_back();
                     one.prompt_embedding = one.prompt_embedding.rows(0, 1);
                     one.pooled_projection = one.pooled_projection.rows(0, 1);
                     return one;
                   }(),
                   1),
               ArgumentError);
}

}  // namespace
}  // namespace sd35
