// Models that become deeper and still draw the same.
#include "train/growth.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/error.h"
#include "mmdit/transformer.h"
#include "ops/torch/torch_ops.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/unit/train/learning.h"
#include "train/objectives/transformer_objective.h"
#include "vae/autoencoder.h"
#include "weights/load.h"

namespace sd35::train {
namespace {

using Places = std::vector<int>;

TEST(GrowthTest, NewBlocksAreSpreadButNoneIsLast) {
  EXPECT_EQ(places_of_new_blocks({12, {}, 0}, 8), (Places{1, 3, 4, 6}));
  EXPECT_EQ(places_of_new_blocks({12, {7, 2, 4, 6}, 0}, 8), (Places{2, 4, 6, 7}));
  EXPECT_EQ(places_of_new_blocks({9, {}, 0}, 8), (Places{4}));
  EXPECT_EQ(places_of_new_blocks({4, {1, 1}, 0}, 2), (Places{1, 1}));
  EXPECT_EQ(places_of_new_blocks({5, {}, 0}, 2), (Places{1, 1, 1}));
  const auto error = [](const Growth& growth, int old) -> std::string {
    try {
      places_of_new_blocks(growth, old);
    } catch (const ArgumentError& refused) {
      return refused.what();
    }
    return "";
  };
  EXPECT_EQ(error({8, {}, 0}, 8), "grow: num_layers is 8, which is not deeper; the model has 8 blocks");
  EXPECT_NE(error({12, {2, 4}, 0}, 8).find("'after' names 2 places, but num_layers 12 takes 4"),
            std::string::npos);
  EXPECT_NE(error({9, {8}, 0}, 8).find("counts blocks from 1 to 7, not 8"), std::string::npos);
  EXPECT_NE(error({2, {}, 0}, 1).find("none comes after the last"), std::string::npos);
}

TEST(GrowthTest, ASecondAttentionStaysWithItsBlock) {
  const ComponentConfig old =
      ModelFiles::open(tiny_model().string()).configuration(Component::transformer);  // 4 blocks
  const nlohmann::json grown = grown_config({7, {1, 1, 3}, 0}, Component::transformer, old);
  EXPECT_EQ(grown["num_layers"], 7);
  EXPECT_EQ(grown["dual_attention_layers"], nlohmann::json({0, 3}));
}

Tensor numbers(Shape shape, std::uint32_t use) {
  Tensor tensor(std::move(shape), DType::f32);
  SampleRandom(3, 1, use).normal({tensor.data<float>(), static_cast<std::size_t>(tensor.numel())});
  return tensor;
}

void expect_equal(const Tensor& a, const Tensor& b) {
  ASSERT_EQ(a.shape(), b.shape());
  EXPECT_TRUE(std::ranges::equal(a.floats(), b.floats()));
}

TEST(GrowthTest, AGrownTransformerPredictsTheSame) {
  const ModelFiles files = ModelFiles::open(tiny_model().string());
  const ComponentConfig old = files.configuration(Component::transformer);
  const auto weights = files.weights(Component::transformer);
  const auto ops = make_ops("native", DType::f32);
  const auto velocity = [&](const nlohmann::json& config, const WeightSource& source) {
    Transformer transformer(MmditConfig::from_json(config, "config"));
    check_all_bound(source, [&](const Parameters& p) { transformer.parameters(p); });
    Loader loader(source, *ops, Reuse::many);
    transformer.parameters(Parameters(loader));
    TransformerInput input;
    input.latents = numbers({2, 16, 8, 12}, 1);
    input.timesteps = {900, 300};
    input.prompt_embedding = numbers({2, 9, transformer.config().joint_attention_dim}, 2);
    input.pooled_projection = numbers({2, transformer.config().pooled_projection_dim}, 3);
    return transformer.forward(*ops, input);
  };
  const Tensor before = velocity(old.json, *weights);
  for (const Growth& growth : {Growth{7, {1, 2, 3}, 0}, Growth{5, {}, 0}, Growth{6, {3, 3}, 0}}) {
    const auto grown = grown_weights(growth, Component::transformer, old, *weights);
    expect_equal(velocity(grown_config(growth, Component::transformer, old), *grown), before);
  }
}

TEST(GrowthTest, AGrownAutoencoderGivesTheSameBack) {
  const ModelFiles files = ModelFiles::open(tiny_model().string());
  const ComponentConfig old = files.configuration(Component::vae);
  const auto weights = files.weights(Component::vae);
  const auto ops = make_ops("native", DType::f32);
  const auto both = [&](const nlohmann::json& json, const WeightSource& source) {
    const VaeConfig config = VaeConfig::from_json(json, "config");
    VaeEncoder encoder(config);
    VaeDecoder decoder(config);
    const auto all = [&](const Parameters& p) {
      encoder.parameters(p.scope("encoder"));
      decoder.parameters(p.scope("decoder"));
    };
    check_all_bound(source, all);
    Loader loader(source, *ops, Reuse::many);
    all(Parameters(loader));
    return std::pair(encoder.forward(*ops, numbers({1, 3, 32, 24}, 4)),
                     decoder.forward(*ops, numbers({1, 16, 4, 3}, 5)));
  };
  const int layers = VaeConfig::from_json(old.json, "config").layers_per_block;
  const Growth growth{0, {}, layers + 2};
  const auto grown = grown_weights(growth, Component::vae, old, *weights);
  const auto before = both(old.json, *weights);
  const auto after = both(grown_config(growth, Component::vae, old), *grown);
  expect_equal(after.first, before.first);
  expect_equal(after.second, before.second);
  EXPECT_GT(grown->names().size(), weights->names().size());
  EXPECT_THROW(grown_config({0, {}, layers}, Component::vae, old), ArgumentError);
}

// The whole objective: what a run begins with, learns and writes.
TEST(GrowthTest, NewBlocksLearn) {
  const TemporaryFolder data, run;
  write_colours(data.path(), 16);
  TrainConfig config;
  config.model = tiny_model().string();
  config.data = data.path().string();
  config.grow = Growth{5, {2}, 0};
  config.flow.condition_dropout = 0;
  config.stages = {{.steps = 2, .batch_size = 2, .resolutions = {16}, .max_sequence_length = 16}};
  const auto ops = make_torch_ops(DType::f32);
  const auto loss_of = [&](Objective& objective) {
    std::map<std::string, double> figures;
    return objective.loss(*ops, prepare_batch(objective, first_samples(2, 16), StepRandom(1, 0)), figures);
  };
  const ObjectiveAndWeights grown = make_objective(config, run.path(), {});
  const ParameterStore store(*grown.objective, grown.weights.get(), *ops, 1, "cpu");
  const at::Tensor loss = loss_of(*grown.objective);
  TrainConfig shallow = config;
  shallow.grow.reset();
  const ObjectiveAndWeights old = make_objective(shallow, run.path(), {});
  const ParameterStore old_store(*old.objective, old.weights.get(), *ops, 1, "cpu");
  EXPECT_EQ(loss.item<double>(), loss_of(*old.objective).item<double>());

  loss.backward();
  int modulations = 0;
  for (const StoredParameter& p : store.parameters()) {
    if (!p.spec.names.front().starts_with("transformer_blocks.2.norm1")) continue;
    ++modulations;
    const auto largest = [&](const at::Tensor& flat) {
      return flat.narrow(0, p.offset, p.spec.shape.numel()).abs().max().item<double>();
    };
    EXPECT_EQ(largest(store.values()), 0) << p.spec.names.front();
    EXPECT_GT(largest(store.gradients()), 0) << p.spec.names.front();
  }
  EXPECT_EQ(modulations, 4);
  grown.objective->write(run.path(), store.by_name(store.values()));
  const ModelFiles files = ModelFiles::open((run / "model").string());
  EXPECT_EQ(files.config(Component::transformer)["num_layers"], 5);
  Transformer transformer(MmditConfig::from_json(files.config(Component::transformer), "config"));
  check_all_bound(*files.weights(Component::transformer),
                  [&](const Parameters& p) { transformer.parameters(p); });
}

}  // namespace
}  // namespace sd35::train
