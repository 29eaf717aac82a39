// Tokens that skip blocks.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "core/error.h"
#include "mmdit/transformer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/unit/train/learning.h"
#include "train/objectives/transformer_objective.h"
#include "weights/load.h"

namespace sd35::train {
namespace {

class TokenRouteTest : public testing::Test {
 protected:
  TokenRouteTest() : files_(ModelFiles::open(tiny_model().string())) {
    write_colours(data_.path(), 64);
    config_.model = tiny_model().string();
    config_.data = data_.path().string();
    config_.flow.condition_dropout = 0;
    config_.stages = {{.steps = 2, .batch_size = 2, .resolutions = {64}, .max_sequence_length = 16}};
  }
  TransformerObjective make() { return {config_, files_, run_ / "cache", {}}; }
  static const FlowBatch& flow_of(const PreparedBatch& batch) {
    return std::any_cast<const FlowBatch&>(batch);
  }

  ModelFiles files_;
  TemporaryFolder data_, run_;
  TrainConfig config_;
};

TEST_F(TokenRouteTest, TokensSkipTheirBlocksAndComeBack) {
  config_.stages[0].route = Route{0.5, 2, 3};
  TransformerObjective objective = make();
  const auto ops = make_torch_ops(DType::f32);
  const auto weights = files_.weights(Component::transformer);
  const ParameterStore store(objective, weights.get(), *ops, 1, "cpu");
  PreparedBatch batch = prepare_batch(objective, first_samples(2, 64), StepRandom(1, 0));
  auto& flow = std::any_cast<FlowBatch&>(batch);
  constexpr std::int64_t B = 2, N = 16, K = 8;
  ASSERT_EQ(flow.route.through.shape(), Shape({B, K}));
  std::set<std::int64_t> through;
  for (std::int64_t i = 0; i < B * K; ++i) {
    const std::int64_t row = flow.route.through.data<std::int32_t>()[i];
    EXPECT_EQ(row / N, i / K);
    through.insert(row);
  }
  EXPECT_EQ(through.size(), static_cast<std::size_t>(B * K));

  Transformer transformer(MmditConfig::from_json(files_.config(Component::transformer), "config"));
  Loader loader(*weights, *ops, Reuse::many);
  transformer.parameters(Parameters(loader));
  std::map<int, at::Tensor> behind;
  const auto loss = [&] {
    return flow_matching_loss(*ops, transformer, flow, {TimestepDensity::uniform},
                              [&](int block, const Tensor& tokens) { behind[block] = to_torch(tokens); })
        .item<double>();
  };
  const double routed = loss();
  const at::Tensor before = behind.at(0).reshape({B * N, -1}), after = behind.at(2).reshape({B * N, -1});
  for (std::int64_t row = 0; row < B * N; ++row)
    EXPECT_EQ(at::equal(before[row], after[row]), !through.contains(row)) << row;

  // All of them through: nothing happens.
  flow.route.through = Tensor({B, N}, DType::i32);
  std::iota(flow.route.through.data<std::int32_t>(), flow.route.through.data<std::int32_t>() + B * N, 0);
  const double all = loss();
  flow.route = {};
  EXPECT_EQ(all, loss());
  EXPECT_NE(all, routed);
}

TEST_F(TokenRouteTest, EveryWeightLearns) {
  config_.stages[0].route = Route{0.5, 2, 3};
  TransformerObjective objective = make();
  const auto ops = make_torch_ops(DType::f32);
  const ParameterStore store(objective, files_.weights(Component::transformer).get(), *ops, 1, "cpu");
  std::map<std::string, double> figures;
  const PreparedBatch batch = prepare_batch(objective, first_samples(2, 64), StepRandom(1, 0));
  objective.loss(*ops, batch, figures).backward();
  EXPECT_TRUE(store.gradients().isfinite().all().item<bool>());
  for (const StoredParameter& p : store.parameters()) {
    const std::string& name = p.spec.names.front();
    if (name == "transformer_blocks.3.attn.norm_added_q.weight")
      continue;  // the last text tokens are not used
    EXPECT_GT(store.gradients().narrow(0, p.offset, p.spec.shape.numel()).abs().max().item<double>(), 0)
        << name;
  }
}

TEST_F(TokenRouteTest, ChoicesHangOnSeedStepAndPlaceAlone) {
  config_.stages[0].route = Route{0.25, 1, 4};
  TransformerObjective objective = make();
  const auto chosen = [&](const MicroBatch& batch, std::uint64_t seed) {
    const PreparedBatch made = prepare_batch(objective, batch, StepRandom(seed, 0));
    const Tensor& through = flow_of(made).route.through;
    return std::vector<std::int32_t>(through.data<std::int32_t>(),
                                     through.data<std::int32_t>() + through.numel());
  };
  const std::vector<std::int32_t> whole = chosen(first_samples(2, 64), 1);
  EXPECT_EQ(whole.size(), 24u);
  EXPECT_EQ(chosen(first_samples(2, 64), 1), whole);
  EXPECT_NE(chosen(first_samples(2, 64), 2), whole);
  MicroBatch second = first_samples(1, 64);
  second.first = 1;
  std::vector<std::int32_t> part = chosen(second, 1);
  for (std::int32_t& row : part) row += 16;
  EXPECT_EQ(part, std::vector(whole.begin() + 12, whole.end()));
}

TEST_F(TokenRouteTest, WindowsHaveNone) {
  config_.stages[0].route = Route{0.5, 2, 3};
  config_.stages[0].window = Windows{{{2, 2}}};
  TransformerObjective objective = make();
  const PreparedBatch batch = prepare_batch(objective, first_samples(2, 64), StepRandom(1, 0));
  EXPECT_FALSE(flow_of(batch).route.through.defined());
  config_.stages[0].route = Route{0.5, 2, 5};
  EXPECT_THROW(make(), ArgumentError);  // of 4 blocks
}

}  // namespace
}  // namespace sd35::train
