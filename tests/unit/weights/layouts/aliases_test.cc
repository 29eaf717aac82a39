#include "weights/layouts/aliases.h"

#include <cstring>

#include "tests/unit/weights/checkpoint.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

// Writes tensors and reads them back as a source would hold them.
class Aliases : public testing::Test {
 protected:
  StoredTensors stored(const Tensors& tensors) {
    write_safetensors(folder_ / "original.safetensors", tensors);
    return read_safetensors(folder_ / "original.safetensors").tensors;
  }

  void expect_from_original(Component component, const TwoLayouts& layouts) {
    const StoredWeights actual("", from_original(component, stored(layouts.original), "file"));
    expect_tensors(actual, layouts.diffusers);
  }

  TemporaryFolder folder_;
};

// The original tensors that to_original describes, put together.
Tensors assemble(Component component, const Tensors& diffusers) {
  std::map<std::string, Shape> shapes;
  for (const auto& [name, tensor] : diffusers) shapes[name] = tensor.shape();
  Tensors result;
  for (const OriginalTensor& original : to_original(component, shapes)) {
    Tensor tensor(original.shape, DType::f32);
    float* target = tensor.data<float>();
    for (const OriginalTensor::Part& part : original.parts) {
      const Tensor rows = diffusers.at(part.name).rows(part.begin, part.end);
      std::memcpy(target, rows.raw(), rows.bytes());
      target += rows.numel();
    }
    EXPECT_EQ(target - tensor.data<float>(), tensor.numel()) << original.name;
    result[original.name] = tensor;
  }
  return result;
}

void expect_to_original(Component component, const TwoLayouts& layouts) {
  const Tensors actual = assemble(component, layouts.diffusers);
  ASSERT_EQ(actual.size(), layouts.original.size());
  for (const auto& [name, tensor] : layouts.original) {
    const std::string full = std::string(original_prefix(component)) + name;
    ASSERT_TRUE(actual.contains(full)) << full;
    EXPECT_EQ(actual.at(full).shape(), tensor.shape()) << full;
    EXPECT_EQ(floats_of(actual.at(full)), floats_of(tensor)) << full;
  }
}

TEST_F(Aliases, TransformerBothWays) {
  // 12 blocks: numbers of two digits, whose order is not that of the names.
  for (const auto& [depth, dual] : {std::pair(1, 1), std::pair(3, 2), std::pair(12, 0)}) {
    const TwoLayouts layouts = make_transformer(depth, dual);
    expect_from_original(Component::transformer, layouts);
    expect_to_original(Component::transformer, layouts);
  }
}

TEST_F(Aliases, AutoencoderBothWays) {
  for (const std::vector<std::int64_t>& channels : {std::vector<std::int64_t>{2, 4}, {2, 4, 4, 6}}) {
    const TwoLayouts layouts = make_vae(channels);
    expect_from_original(Component::vae, layouts);
    expect_to_original(Component::vae, layouts);
  }
}

TEST_F(Aliases, TheReleasedModelHasTheKnownNumberOfTensors) {
  const TwoLayouts transformer = make_transformer(24, 13), vae = make_vae({1, 2, 4, 4});
  EXPECT_EQ(transformer.original.size(), 665u);
  EXPECT_EQ(from_original(Component::transformer, stored(transformer.original), "").size(), 909u);
  EXPECT_EQ(from_original(Component::vae, stored(vae.original), "").size(), 244u);
}

TEST_F(Aliases, TextEncodersKeepTheirNames) {
  const Tensors clip = make_clip(4, 2, true);
  expect_tensors(StoredWeights("", from_original(Component::text_encoder, stored(clip), "")), clip);
  const Tensors single = assemble(Component::text_encoder, clip);
  EXPECT_EQ(single.size(), clip.size());
  EXPECT_TRUE(single.contains("text_encoders.clip_l.transformer.text_projection.weight"));
}

TEST_F(Aliases, FusedProjectionsStayWhereTheyAre) {
  const StoredTensors original = stored(make_transformer(1, 1).original);
  const StoredTensors diffusers = from_original(Component::transformer, original, "");
  const std::span<const std::byte> qkv = original.at("joint_blocks.0.x_block.attn.qkv.weight").segments[0];
  const StoredTensor& k = diffusers.at("transformer_blocks.0.attn.to_k.weight");
  ASSERT_EQ(k.segments.size(), 1u);
  EXPECT_EQ(k.segments[0].data(), qkv.data() + qkv.size() / 3);
}

TEST_F(Aliases, UnknownNamesStay) {
  // What is not a number, too long or written with a leading zero is not a block number.
  const Tensors odd = {{"joint_blocks.x.x_block.mlp.fc1.weight", numbered({1})},
                       {"joint_blocks.01.x_block.mlp.fc1.weight", numbered({1})},
                       {"joint_blocks.99999999999999999999.x_block.mlp.fc1.weight", numbered({1})},
                       {"joint_blocks.0.x_block.mlp.fc1.weight.more", numbered({1})},
                       {"", numbered({1})}};
  expect_tensors(StoredWeights("", from_original(Component::transformer, stored(odd), "")), odd);
}

TEST_F(Aliases, RefusesWhatCannotBeDivided) {
  const auto error = [&](const std::string& name, const Shape& shape) {
    return file_error([&] {
      from_original(Component::transformer, stored({{name, numbered(shape)}}), "model.safetensors");
    });
  };
  EXPECT_EQ(error("joint_blocks.0.x_block.attn.qkv.weight", {4, 2}),
            "model.safetensors: tensor 'joint_blocks.0.x_block.attn.qkv.weight' of shape [4, 2] has no rows "
            "that divide "
            "by 3");
  EXPECT_NE(error("final_layer.adaLN_modulation.1.bias", {3}).find("divide by 2"), std::string::npos);
  EXPECT_NE(error("final_layer.adaLN_modulation.1.bias", {}).find("divide by 2"), std::string::npos);
}

TEST_F(Aliases, RefusesMixedLayouts) {
  const Tensors mixed = {{"x_embedder.proj.weight", numbered({1})}, {"pos_embed.proj.weight", numbered({1})}};
  const std::string message =
      file_error([&] { from_original(Component::transformer, stored(mixed), "model.safetensors"); });
  EXPECT_NE(message.find("two tensors map to 'pos_embed.proj.weight'"), std::string::npos) << message;
}

TEST_F(Aliases, RefusesToWriteWhatHasNoPlace) {
  EXPECT_THROW(to_original(Component::transformer, {{"lora.weight", Shape{1}}}), ArgumentError);
  EXPECT_THROW(to_original(Component::transformer, {{"transformer_blocks.0.attn.to_q.weight", Shape{1, 1}}}),
               ArgumentError);
}

}  // namespace
}  // namespace sd35
