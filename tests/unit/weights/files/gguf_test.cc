#include "weights/files/gguf.h"

#include <numeric>

#include "tests/unit/weights/checkpoint.h"
#include "weights/files/safetensors.h"
#include "weights/layouts/component_weights.h"
#include "weights/model/model_files.h"

namespace sd35 {
namespace {

const std::string kGoldens = std::string(SD35_SOURCE_DIR) + "/tests/golden/gguf/";

std::span<const std::byte> bytes_of(const Tensor& tensor) {
  return {static_cast<const std::byte*>(tensor.raw()), tensor.bytes()};
}

// A file of f32 tensors.
void write_gguf(const std::filesystem::path& path, const Tensors& tensors,
                const GgufMetadata& metadata = {}) {
  std::vector<GgufEntry> entries;
  for (const auto& [name, tensor] : tensors) entries.push_back({name, tensor.dtype(), tensor.shape()});
  GgufWriter writer(path, std::move(entries), metadata);
  for (const auto& [name, tensor] : tensors) writer.write(name, bytes_of(tensor));
  writer.commit();
}

TEST(Gguf, ReadsWhatTheReferenceWrote) {
  const GgufFile file = read_gguf(kGoldens + "container.gguf");
  const SafetensorsFile expected = read_safetensors(kGoldens + "container.safetensors");
  EXPECT_EQ(file.tensors.size(), 15u);
  for (const auto& [name, tensor] : expected.tensors) {
    const StoredTensor& stored = file.tensors.at(name);
    EXPECT_EQ(stored.shape, tensor.shape) << name;
    EXPECT_EQ(floats_of(stored.read()), floats_of(tensor.read())) << name;
  }
  EXPECT_EQ(file.tensors.at("bf16").type_name(), "bf16");
  EXPECT_EQ(file.tensors.at("q6_k").type_name(), "q6_k");
  EXPECT_EQ(file.tensors.at("q6_k").shape, (Shape{4, 256}));
  EXPECT_EQ(file.tensors.at("q6_k").bytes(), 4u * 210);
  EXPECT_EQ(file.tensors.at("vector").shape, (Shape{256}));
}

TEST(Gguf, ReadsMetadataOfEveryType) {
  const auto metadata = read_gguf(kGoldens + "container.gguf").metadata;
  const std::map<std::string, std::string> expected{{"general.architecture", "sd3"},
                                                    {"general.alignment", "64"},
                                                    {"general.quantization_version", "2"},
                                                    {"test.u8", "200"},
                                                    {"test.i8", "-5"},
                                                    {"test.u16", "60000"},
                                                    {"test.i16", "-30000"},
                                                    {"test.i32", "-2000000000"},
                                                    {"test.u64", "9223372036854775808"},
                                                    {"test.i64", "-4611686018427387904"},
                                                    {"test.f32", "0.500000"},
                                                    {"test.f64", "-0.250000"},
                                                    {"test.bool", "true"},
                                                    {"test.text", "caf\u00e9 \u2028 and more"},
                                                    {"test.numbers", "[1, 2, 3]"},
                                                    {"test.words", "20 strings"},
                                                    {"test.long", "1000 i32s"},
                                                    {"comfy.gguf.orig_shape.reshaped", "[2, 2, 2, 128]"}};
  EXPECT_EQ(metadata, expected);
}

TEST(Gguf, WrittenFilesComeBack) {
  const TemporaryFolder folder;
  const Tensors tensors{{"b", numbered({2, 3, 4})}, {"a", numbered({5})}, {"scalar", numbered({})}};
  write_gguf(folder / "x.gguf", tensors, {{"general.architecture", "sd3"}, {"n", std::uint32_t{7}}});
  const GgufFile file = read_gguf(folder / "x.gguf");
  expect_tensors(StoredWeights("x", file.tensors), tensors);
  EXPECT_EQ(file.metadata, (std::map<std::string, std::string>{{"general.architecture", "sd3"}, {"n", "7"}}));
}

TEST(Gguf, WriterKeepsTheOrderAndTheSizes) {
  const TemporaryFolder folder;
  const std::vector<GgufEntry> entries{
      {"a", BlockType::q8_0, {2, 64}}, {"none", DType::f32, {0}}, {"b", DType::f16, {3}}};
  const std::vector<std::byte> bytes(136);
  {
    GgufWriter writer(folder / "x.gguf", entries, {});
    EXPECT_THROW(writer.write("b", bytes), Error);
    writer.write("a", std::span(bytes).first(100));
    EXPECT_THROW(writer.write("a", bytes), Error);
    EXPECT_THROW(writer.commit(), Error);
  }
  EXPECT_EQ(folder.entries(), 0);
  EXPECT_THROW(GgufWriter(folder / "x.gguf", {{"a", DType::f32, {1}}, {"a", DType::f32, {1}}}, {}),
               ArgumentError);
  EXPECT_THROW(GgufWriter(folder / "x.gguf", {{"a", DType::f8_e4m3, {1}}}, {}), ArgumentError);
}

TEST(Gguf, EncodedTensorsAreReadInPieces) {
  const GgufFile file = read_gguf(kGoldens + "container.gguf");
  StoredTensor tensor = file.tensors.at("q4_k");  // [4, 256]
  const std::vector<float> all = floats_of(tensor.read());
  std::vector<float> rows(512);
  tensor.read_values(256, 512, rows.data());
  EXPECT_EQ(rows, std::vector<float>(all.begin() + 256, all.begin() + 768));
  const std::span<const std::byte> bytes = tensor.segments[0];
  tensor.segments = {bytes.subspan(288), bytes.first(288)};  // halves swapped
  std::vector<float> swapped(all.begin() + 512, all.end());
  swapped.insert(swapped.end(), all.begin(), all.begin() + 512);
  EXPECT_EQ(floats_of(tensor.read()), swapped);
  tensor.read_values(256, 512, rows.data());
  EXPECT_EQ(rows, std::vector<float>(swapped.begin() + 256, swapped.begin() + 768));
  EXPECT_EQ(tensor.read(DType::bf16).dtype(), DType::bf16);
  EXPECT_EQ(floats_of(tensor.read(DType::bf16)), floats_of(tensor.read().to(DType::bf16)));
}

class GgufNames : public testing::Test {
 protected:
  const TemporaryFolder folder_;
  const std::filesystem::path path_ = folder_ / "model.gguf";
};

// ComfyUI-GGUF drops the prefix, ggml the leading dimension of the position table.
TEST_F(GgufNames, OfATransformerAlone) {
  const TwoLayouts transformer = make_transformer(2, 1);
  Tensors stored = transformer.original;
  Tensor& table = stored.at("pos_embed");
  table = table.reshape({table.dim(1), table.dim(2)});
  write_gguf(path_, stored, {{"general.architecture", "sd3"}});
  const ModelFiles files = ModelFiles::open(path_.string());
  EXPECT_TRUE(files.has(Component::transformer));
  EXPECT_FALSE(files.has(Component::vae));
  expect_tensors(*files.weights(Component::transformer), transformer.diffusers);
  EXPECT_NE(files.missing_to_generate().find("vae"), std::string::npos);
}

// stable-diffusion.cpp keeps the prefixes, and calls the projections of CLIP in its own way.
TEST_F(GgufNames, OfAWholeCheckpoint) {
  const TwoLayouts transformer = make_transformer(2, 1), vae = make_vae({4, 8});
  const Tensors clip_l = make_clip(8, 2, false), clip_g = make_clip(12, 3, true), t5 = make_t5();
  Tensors stored = single_file(transformer, vae, clip_l, clip_g, t5);
  auto projection = stored.extract("text_encoders.clip_g.transformer.text_projection.weight");
  projection.key() = "text_encoders.clip_g.transformer.text_model.text_projection";
  stored.insert(std::move(projection));
  write_gguf(path_, stored);
  const ModelFiles files = ModelFiles::open(path_.string());
  expect_tensors(*files.weights(Component::transformer), transformer.diffusers);
  expect_tensors(*files.weights(Component::vae), vae.diffusers);
  expect_tensors(*files.weights(Component::text_encoder), clip_l);
  expect_tensors(*files.weights(Component::text_encoder_2), clip_g);
  expect_tensors(*files.weights(Component::text_encoder_3), t5);
}

TEST_F(GgufNames, OfLlamasT5) {
  const std::map<std::string, std::string> names{
      {"token_embd.weight", "shared.weight"},
      {"enc.output_norm.weight", "encoder.final_layer_norm.weight"},
      {"enc.blk.0.attn_norm.weight", "encoder.block.0.layer.0.layer_norm.weight"},
      {"enc.blk.0.attn_q.weight", "encoder.block.0.layer.0.SelfAttention.q.weight"},
      {"enc.blk.0.attn_k.weight", "encoder.block.0.layer.0.SelfAttention.k.weight"},
      {"enc.blk.12.attn_v.weight", "encoder.block.12.layer.0.SelfAttention.v.weight"},
      {"enc.blk.0.attn_o.weight", "encoder.block.0.layer.0.SelfAttention.o.weight"},
      {"enc.blk.0.attn_rel_b.weight", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"},
      {"enc.blk.0.ffn_norm.weight", "encoder.block.0.layer.1.layer_norm.weight"},
      {"enc.blk.0.ffn_gate.weight", "encoder.block.0.layer.1.DenseReluDense.wi_0.weight"},
      {"enc.blk.0.ffn_up.weight", "encoder.block.0.layer.1.DenseReluDense.wi_1.weight"},
      {"enc.blk.0.ffn_down.weight", "encoder.block.0.layer.1.DenseReluDense.wo.weight"}};
  Tensors stored, expected;
  for (const auto& [llama, transformers] : names) {
    stored[llama] = expected[transformers] = numbered({2, 2});
    EXPECT_EQ(llama_name(transformers), llama);
  }
  EXPECT_EQ(llama_name("text_model.final_layer_norm.weight"), "text_model.final_layer_norm.weight");
  write_gguf(path_, stored, {{"general.architecture", "t5encoder"}});
  const auto weights = component_weights(Component::text_encoder_3, open_weight_file(path_), "t5");
  expect_tensors(*weights, expected);
}

TEST_F(GgufNames, ThatMeetAreRefused) {
  write_gguf(path_, {{"token_embd.weight", numbered({2})}, {"shared.weight", numbered({2})}});
  EXPECT_NE(file_error([&] { read_weight_file(path_); }).find("two tensors map to 'shared.weight'"),
            std::string::npos);
}

// Files in place of what a folder or a single file holds.
TEST_F(GgufNames, OfATransformerThatReplacesAnother) {
  const TwoLayouts transformer = make_transformer(2, 1), other = make_transformer(3, 1),
                   vae = make_vae({4, 8});
  const Tensors clip = make_clip(12, 2, true);
  write_safetensors(folder_ / "single.safetensors", single_file(transformer, vae, clip, clip, make_t5()));
  write_gguf(path_, other.original);
  write_safetensors(folder_ / "vae.safetensors", vae.original);
  ModelParts extra;
  extra.transformer = path_;
  const ModelFiles files = ModelFiles::open((folder_ / "single.safetensors").string(), extra);
  expect_tensors(*files.weights(Component::transformer), other.diffusers);
  extra = {};
  extra.vae = folder_ / "vae.safetensors";  // the original names without a prefix
  expect_tensors(*ModelFiles::open(path_.string(), extra).weights(Component::vae), vae.diffusers);
}

}  // namespace
}  // namespace sd35
