// Adapters beside the layers of a loaded model against their sum with its weights.
#include "lora/attach.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <random>

#include "core/error.h"
#include "lora/merge.h"
#include "mmdit/quantization.h"
#include "mmdit/transformer.h"
#include "tests/support/compare.h"
#include "tests/support/temporary_folder.h"
#include "text/clip_text_model.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

using Updates = std::vector<LoraUpdate>;

Tensor numbers(const Shape& shape, std::size_t seed, float size = 1) {
  std::mt19937 generator(static_cast<unsigned>(seed));
  Tensor x(shape, DType::f32);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data<float>()[i] = size * (static_cast<float>(generator() >> 8) * 0x1p-23f - 1.0f);
  return x;
}

// Gives a model weights that depend on their names, and an engine to run it on.
class Filler : public ParameterVisitor {
 public:
  explicit Filler(const Ops& ops, WeightFormat format = WeightFormat::dense) : ops_(ops), format_(format) {}
  // Adds them to what the format holds of the weights, which are then kept in f32.
  Filler& merging(const Updates& updates) {
    merged_ = &updates;
    return *this;
  }

  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    const bool matrix = spec.shape.rank() == 2 && spec.kind != ParameterKind::embedding;
    const float size = spec.shape.rank() == 1 ? 0.1f : 1.7f / std::sqrt(static_cast<float>(spec.shape[-1]));
    tensor = numbers(spec.shape, std::hash<std::string>()(spec.names.front()), size);
    if (spec.kind == ParameterKind::norm_scale)
      for (std::int64_t i = 0; i < tensor.numel(); ++i) tensor.data<float>()[i] += 1;
    if (!matrix) return;
    quantized_ = is_quantized(spec.names.front(), spec.kind, format_) ? quantize(tensor, format_) : nullptr;
    if (merged_ != nullptr) merge(spec, tensor);
  }

  void linear_done(Linear& linear) override {
    linear.quantized = std::exchange(quantized_, nullptr);
    if (linear.quantized != nullptr) linear.weight = {};
    ops_.prepare(linear, Reuse::many);
  }

 private:
  void merge(const ParameterSpec& spec, Tensor& weight) {
    if (quantized_ != nullptr) weight = std::exchange(quantized_, nullptr)->dense();
    std::int64_t row = 0;
    for (const std::string& name : spec.names) {
      for (const LoraUpdate& update : *merged_)
        if (update.weight == name) add_update(update, row, weight);
      row += spec.shape[0] / static_cast<std::int64_t>(spec.names.size());
    }
  }

  const Ops& ops_;
  WeightFormat format_;
  const Updates* merged_ = nullptr;
  std::shared_ptr<const QuantizedMatrix> quantized_;
};

MmditConfig tiny_config() {
  MmditConfig config;
  config.num_layers = 3;
  config.num_attention_heads = 2;
  config.attention_head_dim = 32;
  config.in_channels = config.out_channels = 4;
  config.joint_attention_dim = 64;
  config.pooled_projection_dim = 32;
  config.pos_embed_max_size = 8;
  config.dual_attention = {true, false, false};
  return config;
}

// Of every kind of layer: parts of fused ones, several of one weight, some rows only, each float type.
Updates updates_of(std::size_t seed) {
  struct Layer {
    std::string name;
    std::int64_t out, in, first_row = 0;
  };
  Updates updates;
  const auto add = [&](const Layer& layer, DType dtype, std::int64_t rank) {
    const float size = 1.7f / std::sqrt(static_cast<float>(layer.in));
    updates.push_back({layer.name + ".weight", numbers({rank, layer.in}, ++seed, size).to(dtype),
                       numbers({layer.out, rank}, ++seed).to(dtype), layer.first_row, 0.6f});
  };
  const std::string block = "transformer_blocks.";
  for (const char* layer : {"attn.to_q", "attn.to_k", "attn.to_v", "attn.to_out.0", "attn.add_k_proj",
                            "attn.to_add_out", "attn2.to_v", "attn2.to_out.0"})
    add({block + "0." + layer, 64, 64}, DType::f32, 4);
  add({block + "0.attn.to_k", 64, 64}, DType::f16, 2);
  add({block + "0.norm1.linear", 64, 64, 128}, DType::f32, 2);
  add({block + "1.ff.net.0.proj", 256, 64}, DType::bf16, 3);
  add({block + "1.ff_context.net.2", 64, 256}, DType::f32, 1);
  add({block + "2.norm1_context.linear", 128, 64}, DType::f32, 2);
  add({"context_embedder", 64, 64}, DType::f32, 4);
  add({"time_text_embed.text_embedder.linear_1", 64, 32}, DType::f32, 4);
  add({"norm_out.linear", 128, 64}, DType::f32, 4);
  add({"proj_out", 16, 64}, DType::f32, 4);
  return updates;
}

class AttachTest : public testing::Test {
 protected:
  static std::unique_ptr<Transformer> model(Filler filler) {
    auto transformer = std::make_unique<Transformer>(tiny_config());
    transformer->parameters(Parameters(filler));
    return transformer;
  }
  static std::vector<std::string> attach(const Ops& ops, const Updates& updates, Transformer& transformer) {
    return attach_lora(ops, updates, [&](const Parameters& p) { transformer.parameters(p); });
  }
  static Tensor velocity(const Ops& ops, const Transformer& transformer) {
    TransformerInput input;
    input.latents = numbers({2, 4, 8, 8}, 1);
    input.timesteps = {700, 300};
    input.prompt_embedding = numbers({2, 5, 64}, 2);
    input.pooled_projection = numbers({2, 32}, 3);
    return transformer.forward(ops, input);
  }
  // Of the weights as `format` holds them, with `updates` merged, in f32.
  static Tensor merged(WeightFormat format, const Updates& updates) {
    const auto ops = make_native_ops(DType::f32);
    return velocity(*ops, *model(Filler(*ops, format).merging(updates)));
  }
  static Tensor attached(const Ops& ops, WeightFormat format, const Updates& updates) {
    const auto transformer = model(Filler(ops, format));
    EXPECT_TRUE(attach(ops, updates, *transformer).empty());
    return velocity(ops, *transformer);
  }
  static bool same(const Tensor& a, const Tensor& b) { return std::ranges::equal(a.floats(), b.floats()); }
};

TEST_F(AttachTest, IsAMergeInFullPrecision) {
  const Tensor reference = merged(WeightFormat::dense, updates_of(1));
  EXPECT_GT(relative_error(reference, merged(WeightFormat::dense, {})), 0.1) << "the updates do nothing";
  for (const auto& ops : {make_native_ops(DType::f32), make_ref_ops()})
    EXPECT_LT(relative_error(attached(*ops, WeightFormat::dense, updates_of(1)), reference), 1e-6)
        << ops->name();
}

TEST_F(AttachTest, LeavesQuantizedWeightsAsTheyAre) {
  const auto f32 = make_native_ops(DType::f32), bf16 = make_native_ops(DType::bf16);
  for (const WeightFormat format : {WeightFormat::nf4, WeightFormat::nf4_double, WeightFormat::int8}) {
    const Tensor reference = merged(format, updates_of(1));
    // The error of 8 bits per activation without updates.
    const double rounding =
        format == WeightFormat::int8 ? relative_error(attached(*f32, format, {}), merged(format, {})) : 0;
    EXPECT_LT(rounding, 2e-2);
    EXPECT_LT(relative_error(attached(*f32, format, updates_of(1)), reference), 1e-6 + 2 * rounding);
    EXPECT_LT(relative_error(attached(*bf16, format, updates_of(1)), reference), 2e-2 + 2 * rounding);
  }
}

TEST_F(AttachTest, IsAsExactInBf16AsTheEngine) {
  const auto ops = make_native_ops(DType::bf16);
  const Updates updates = updates_of(1);
  const Tensor exact = merged(WeightFormat::dense, updates);
  const double of_merge = relative_error(velocity(*ops, *model(Filler(*ops).merging(updates))), exact);
  EXPECT_LT(relative_error(attached(*ops, WeightFormat::dense, updates), exact), 1.5 * of_merge);
}

TEST_F(AttachTest, ComesAndGoesToTheLastBit) {
  for (const DType type : {DType::f32, DType::bf16})
    for (const WeightFormat format : {WeightFormat::dense, WeightFormat::int8, WeightFormat::nf4}) {
      const auto ops = make_native_ops(type);
      const auto transformer = model(Filler(*ops, format));
      const Tensor before = velocity(*ops, *transformer);
      attach(*ops, updates_of(1), *transformer);
      EXPECT_FALSE(same(velocity(*ops, *transformer), before));
      Updates other = updates_of(50);
      other.resize(3);
      attach(*ops, other, *transformer);
      EXPECT_TRUE(same(velocity(*ops, *transformer), attached(*ops, format, other)));
      attach_lora(*ops, {}, [&](const Parameters& p) { transformer->parameters(p); });
      EXPECT_TRUE(same(velocity(*ops, *transformer), before));
    }
}

TEST_F(AttachTest, NamesWhatOnlyAMergeCanChange) {
  const auto ops = make_native_ops(DType::f32);
  ClipConfig config;
  config.vocab_size = 20;
  config.hidden_size = 16;
  config.intermediate_size = 32;
  config.projection_dim = 8;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  Updates updates;
  const auto add = [&](const std::string& name, std::int64_t out, std::int64_t in) {
    updates.push_back({name, numbers({2, in}, 1), numbers({out, 2}, 2), 0, 1.0f});
  };
  add("text_model.encoder.layers.0.mlp.fc1.weight", 32, 16);
  add("text_model.encoder.layers.0.self_attn.v_proj.weight", 16, 16);
  add("text_projection.weight", 8, 16);
  const Updates possible = updates;
  add("text_model.embeddings.token_embedding.weight", 20, 16);
  add("text_model.encoder.layers.2.mlp.fc1.weight", 32, 16);

  const auto pooled = [&](ClipTextModel& clip) {
    const std::vector<std::int32_t> ids{4, 0, 10, 19, 3};
    return clip.forward(*ops, Tensor::from({1, 5}, ids), 19, clip.resident_layers()).pooled;
  };
  ClipTextModel clip(config), merged(config);
  Filler plain(*ops), merging = Filler(*ops).merging(possible);
  clip.parameters(Parameters(plain));
  merged.parameters(Parameters(merging));
  const auto left = attach_lora(*ops, updates, [&](const Parameters& p) { clip.parameters(p); });
  EXPECT_EQ(left, (std::vector<std::string>{"text_model.embeddings.token_embedding.weight",
                                            "text_model.encoder.layers.2.mlp.fc1.weight"}));
  EXPECT_LT(relative_error(pooled(clip), pooled(merged)), 1e-6);
}

TEST_F(AttachTest, ABlockTakesItsPart) {
  const auto ops = make_native_ops(DType::f32);
  JointBlock block(tiny_config(), 1);
  const auto describe = [&](const Parameters& p) { block.parameters(Transformer::block_scope(p, 1)); };
  Filler filler(*ops);
  describe(Parameters(filler));
  const std::vector<std::string> left = attach_lora(*ops, updates_of(1), describe);
  for (const LoraUpdate& update : updates_of(1))
    EXPECT_NE(std::ranges::find(left, update.weight) == left.end(),
              !update.weight.starts_with("transformer_blocks.1."))
        << update.weight;
}

// As kohya's trainers write a fused projection: one A, and B for the rows of all three.
TEST_F(AttachTest, AFusedProjectionOfAFileIsAttachedToItsThreeParts) {
  const TemporaryFolder folder;
  const std::string layer = "lora_unet_joint_blocks_0_x_block_attn_qkv";
  write_safetensors(folder / "fused.safetensors", {{layer + ".lora_down.weight", numbers({4, 64}, 1, 0.2f)},
                                                   {layer + ".lora_up.weight", numbers({192, 4}, 2)}});
  LoraTargets targets;
  for (const char* part : {"q", "k", "v"})
    targets[Component::transformer][std::string("transformer_blocks.0.attn.to_") + part + ".weight"] = {64,
                                                                                                        64};
  const Updates updates = read_lora(folder / "fused.safetensors", targets, {}).at(Component::transformer);
  EXPECT_EQ(updates.size(), 3U);
  const auto ops = make_native_ops(DType::f32);
  const Tensor reference = merged(WeightFormat::dense, updates);
  EXPECT_GT(relative_error(reference, merged(WeightFormat::dense, {})), 1e-3);
  EXPECT_LT(relative_error(attached(*ops, WeightFormat::dense, updates), reference), 1e-6);
}

TEST_F(AttachTest, AnUpdateThatDoesNotFitIsAnError) {
  const auto ops = make_native_ops(DType::f32);
  const auto transformer = model(Filler(*ops));
  EXPECT_THROW(
      attach(*ops, {{"proj_out.weight", numbers({2, 63}, 1), numbers({16, 2}, 2), 0, 1.0f}}, *transformer),
      Error);
}

}  // namespace
}  // namespace sd35
