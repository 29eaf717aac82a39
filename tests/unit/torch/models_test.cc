// Whole tiny models: the torch engine against the reference engine, and their gradients.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <functional>

#include "mmdit/transformer.h"
#include "ops/torch/torch_ops.h"
#include "tests/support/compare.h"
#include "tests/unit/ops/op_cases.h"
#include "tests/unit/torch/differences.h"
#include "text/clip_text_model.h"
#include "text/t5_encoder.h"
#include "vae/autoencoder.h"

namespace sd35 {
namespace {

// Gives a model random weights with which its activations stay in range, the same for every visitor: tensors
// of the reference engine, or leaves of torch to differentiate by.
class RandomWeights : public ParameterVisitor {
 public:
  RandomWeights() = default;
  explicit RandomWeights(at::ScalarType leaf_type) : leaf_type_(leaf_type) {}

  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    const auto inputs = static_cast<float>(spec.shape.numel() / spec.shape[0]);
    const float scale = spec.shape.rank() == 1 ? 0.1f : std::sqrt(3 / inputs);
    tensor = random_tensor(spec.shape, ++count_, scale);
    if (spec.kind == ParameterKind::norm_scale)
      for (float* v = tensor.data<float>(); v != tensor.data<float>() + tensor.numel(); ++v) *v += 1;
    if (!leaf_type_) return;
    leaves_.push_back(to_torch(tensor).to(*leaf_type_, false, true).set_requires_grad(true));
    names_.push_back(spec.names.front());
    tensor = from_torch(leaves_.back());
  }

  const std::vector<at::Tensor>& leaves() const { return leaves_; }
  const std::string& name(std::size_t leaf) const { return names_[leaf]; }

 private:
  std::optional<at::ScalarType> leaf_type_;
  unsigned count_ = 0;
  std::vector<at::Tensor> leaves_;
  std::vector<std::string> names_;
};

template <class Model>
using Run = std::function<std::vector<Tensor>(const Model&, const Ops&)>;

// Both engines within 1e-5, and a finite gradient, not of zeros, for every weight, but for `unreached` ones.
template <class Model>
void expect_agreement(const std::function<Model()>& make, const Run<Model>& run,
                      const std::vector<std::string>& unreached = {}) {
  Model model = make(), torch_model = make();
  RandomWeights weights, leaves(at::kFloat);
  model.parameters(Parameters(weights));
  torch_model.parameters(Parameters(leaves));
  const std::vector<Tensor> references = run(model, *make_ref_ops());
  const std::vector<Tensor> values = run(torch_model, *make_torch_ops(DType::f32));
  ASSERT_EQ(values.size(), references.size());
  for (std::size_t i = 0; i < values.size(); ++i) EXPECT_LE(relative_error(values[i], references[i]), 1e-5);

  random_sum(values).backward();
  for (std::size_t i = 0; i < leaves.leaves().size(); ++i) {
    const at::Tensor& gradient = leaves.leaves()[i].grad();
    const bool expected = std::ranges::find(unreached, leaves.name(i)) == unreached.end();
    ASSERT_EQ(gradient.defined(), expected) << leaves.name(i);
    if (!expected) continue;
    EXPECT_TRUE(gradient.isfinite().all().template item<bool>()) << leaves.name(i);
    EXPECT_GT(gradient.abs().max().template item<float>(), 0) << leaves.name(i);
  }
}

template <class Model>
double derivative_error(const std::function<Model()>& make, const Run<Model>& run) {
  Model model = make();
  RandomWeights weights(at::kDouble);
  model.parameters(Parameters(weights));
  const auto ops = make_torch_ops(DType::f64);
  return directional_error(weights.leaves(), [&] { return random_sum(run(model, *ops)); });
}

MmditConfig tiny_mmdit() {
  MmditConfig config;
  config.num_layers = 3;
  config.num_attention_heads = 2;
  config.attention_head_dim = 8;
  config.in_channels = 4;
  config.out_channels = 4;
  config.joint_attention_dim = 12;
  config.pooled_projection_dim = 10;
  config.pos_embed_max_size = 6;
  config.dual_attention = {true, true, false};
  return config;
}

Transformer make_transformer() { return Transformer(tiny_mmdit()); }

std::vector<Tensor> run_transformer(const Transformer& model, const Ops& ops) {
  TransformerInput input;
  input.latents = random_tensor({2, 4, 8, 6}, 1);
  input.timesteps = {900.0f, 31.5f};
  input.prompt_embedding = random_tensor({2, 5, 12}, 2);
  input.pooled_projection = random_tensor({2, 10}, 3);
  return {model.forward(ops, input)};
}

// The queries of the last text stream are not used, so their norm has no gradient.
const std::vector<std::string> kUnreached{"transformer_blocks.2.attn.norm_added_q.weight"};

TEST(TorchModels, Transformer) {
  expect_agreement<Transformer>(make_transformer, run_transformer, kUnreached);
}

TEST(TorchModels, TransformerDerivative) {
  EXPECT_LE(derivative_error<Transformer>(make_transformer, run_transformer), 1e-7);
}

// A step, and a second one near it whose other blocks are not run.
TEST(TorchModels, BlockCache) {
  Transformer transformer(tiny_mmdit());
  RandomWeights weights;
  transformer.parameters(Parameters(weights));
  const auto steps = [&](const Ops& ops) {
    std::vector<BlockCache> cache(2);
    std::vector<Tensor> velocities;
    for (const float time : {500.0f, 501.0f}) {
      TransformerInput input;
      const MmditConfig& config = transformer.config();
      input.latents = random_tensor({2, config.in_channels, 6, 4}, 1);
      input.timesteps = {time, time};
      input.prompt_embedding = random_tensor({2, 4, config.joint_attention_dim}, 2);
      input.pooled_projection = random_tensor({2, config.pooled_projection_dim}, 3);
      input.cache = cache;
      input.cache_threshold = 0.5;
      int blocks = 0;
      input.on_block = [&](int /*block*/) { ++blocks; };
      velocities.push_back(transformer.forward(ops, input));
      EXPECT_EQ(blocks, time == 500 ? config.num_layers : 1);
    }
    return velocities;
  };
  const std::vector<Tensor> references = steps(*make_ref_ops());
  for (const char* device : {"cpu", "cpu:0"}) {
    const std::vector<Tensor> values = steps(*make_torch_ops(DType::f32, device));
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_LE(relative_error(values[i], references[i]), 1e-5);
  }
}

std::vector<Tensor> run_block(const JointBlock& block, const Ops& ops) {
  const Streams streams = block.forward(ops, {random_tensor({2, 6, 16}, 1), random_tensor({2, 4, 16}, 2)},
                                        random_tensor({2, 16}, 3));
  return {streams.x, streams.y};
}

TEST(TorchModels, JointBlock) {
  for (const int index : {0, 1}) {
    const auto make = [=] { return JointBlock(tiny_mmdit(), index); };
    expect_agreement<JointBlock>(make, run_block);
    EXPECT_LE(derivative_error<JointBlock>(make, run_block), 1e-7);
  }
  expect_agreement<JointBlock>([] { return JointBlock(tiny_mmdit(), 2); }, run_block,
                               {"attn.norm_added_q.weight"});
}

TEST(TorchModels, ClipTextModel) {
  ClipConfig config;
  config.hidden_size = config.projection_dim = 24;
  config.intermediate_size = 48;
  config.vocab_size = 20;
  config.max_position_embeddings = 7;
  config.num_hidden_layers = 3;
  config.num_attention_heads = 3;
  for (const Activation act : {Activation::quick_gelu, Activation::gelu}) {
    config.hidden_act = act;
    expect_agreement<ClipTextModel>([=] { return ClipTextModel(config); },
                                    [](const ClipTextModel& model, const Ops& ops) {
                                      constexpr std::array ids{1, 5, 4, 19, 0, 0, 2, 17, 19, 3, 3, 19};
                                      const ClipOutput output = model.forward(ops, Tensor::from({2, 6}, ids),
                                                                              19, model.resident_layers());
                                      return std::vector{output.hidden, output.pooled};
                                    });
  }
}

TEST(TorchModels, T5Encoder) {
  T5Config config;
  config.d_model = 24;
  config.d_kv = 8;
  config.d_ff = 40;
  config.vocab_size = 20;
  config.num_layers = 2;
  config.num_heads = 2;
  config.relative_attention_num_buckets = 8;
  config.relative_attention_max_distance = 6;
  expect_agreement<T5Encoder>(
      [=] { return T5Encoder(config); },
      [](const T5Encoder& model, const Ops& ops) {
        constexpr std::array ids{1, 5, 4, 19, 0, 0, 2, 17, 19, 3, 3, 19};
        return std::vector{model.forward(ops, Tensor::from({1, 12}, ids), model.resident_layers())};
      });
}

VaeConfig tiny_vae() {
  VaeConfig config;
  config.block_out_channels = {4, 8};
  config.layers_per_block = 1;
  config.norm_num_groups = 2;
  config.latent_channels = 4;
  return config;
}

TEST(TorchModels, VaeDecoder) {
  const auto make = [] { return VaeDecoder(tiny_vae()); };
  const auto run = [](const VaeDecoder& model, const Ops& ops) {
    return std::vector{model.forward(ops, random_tensor({2, 4, 3, 4}, 1))};
  };
  expect_agreement<VaeDecoder>(make, run);
  EXPECT_LE(derivative_error<VaeDecoder>(make, run), 1e-7);
}

TEST(TorchModels, VaeEncoder) {
  const auto make = [] { return VaeEncoder(tiny_vae()); };
  const auto run = [](const VaeEncoder& model, const Ops& ops) {
    return std::vector{model.forward(ops, random_tensor({2, 3, 6, 4}, 1))};
  };
  expect_agreement<VaeEncoder>(make, run);
  EXPECT_LE(derivative_error<VaeEncoder>(make, run), 1e-7);
}

}  // namespace
}  // namespace sd35
