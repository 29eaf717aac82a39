// Conversion of the tiny random model into every type and layout, and back.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/random.h"
#include "sd35/sd35.h"
#include "tests/support/compare.h"
#include "tests/support/file_bytes.h"
#include "tests/support/stages.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "weights/component_weights.h"
#include "weights/config_file.h"
#include "weights/gguf.h"
#include "weights/model_files.h"
#include "weights/safetensors.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

ConvertOptions options_of(const std::string& type, const std::string& layout = "") {
  ConvertOptions options;
  options.type = type;
  options.layout = layout;
  return options;
}

// Numbers that repeat, of about deviation 1.
Tensor wave(const Shape& shape) {
  Tensor tensor(shape, DType::f32);
  for (std::int64_t i = 0; i < tensor.numel(); ++i)
    tensor.data<float>()[i] = 1.4f * std::sin(static_cast<float>(i) * 0.7f + static_cast<float>(i % 17));
  return tensor;
}

constexpr std::int32_t kEndOfText = 713;  // of the tiny model's CLIP tokenizers

const NamedTensors& inputs() {
  static const NamedTensors tensors = {
      {"transformer/0/latents", wave({1, 16, 8, 8})},
      {"transformer/0/timesteps", Tensor::from({1}, std::vector<float>{500.0f})},
      {"transformer/0/prompt_embedding", wave({1, 20, 320})},
      {"transformer/0/pooled_projection", wave({1, 320})},
      {"t5/0/ids", Tensor::from({1, 6}, std::vector<std::int32_t>{5, 17, 3, 40, 2, 1})},
      {"clip_l/0/ids", Tensor::from({1, 4}, std::vector<std::int32_t>{5, 17, 3, kEndOfText})},
      {"clip_g/0/ids", Tensor::from({1, 4}, std::vector<std::int32_t>{5, 17, 3, kEndOfText})},
      {"vae_decode/0/latents", wave({1, 16, 4, 4})}};
  return tensors;
}

NamedTensors run(const fs::path& model) {
  return run_stages(ModelFiles::open(model.string()), *make_ops("ref", DType::f32), inputs());
}

const NamedTensors& original_outputs() {
  static const NamedTensors outputs = run(tiny_model());
  return outputs;
}

// Every tensor of every component has the shape and the bits of the tiny model's.
void expect_same_weights(const fs::path& model) {
  const ModelFiles original = ModelFiles::open(tiny_model().string()),
                   converted = ModelFiles::open(model.string());
  for (const Component component : kComponents) {
    const auto before = original.weights(component), after = converted.weights(component);
    ASSERT_EQ(before->names(), after->names());
    for (const std::string& name : before->names()) {
      const StoredTensor &a = *before->find(name), &b = *after->find(name);
      EXPECT_EQ(a.shape, b.shape) << name;
      const Tensor x = a.read(), y = b.read();
      ASSERT_EQ(x.dtype(), y.dtype()) << name;
      EXPECT_EQ(std::memcmp(x.raw(), y.raw(), x.bytes()), 0) << name;
    }
  }
}

// How far outputs may be from those of f32 weights.
struct Bound {
  const char* type;
  const char* output;
  double transformer, text;
};

void PrintTo(const Bound& bound, std::ostream* out) { *out << bound.type; }

class Converted : public testing::TestWithParam<Bound> {};

TEST_P(Converted, StaysClose) {
  const TemporaryFolder folder;
  const fs::path output = folder / GetParam().output;
  convert(tiny_model().string(), output, options_of(GetParam().type));
  for (const auto& [name, tensor] : run(output)) {
    const double error = relative_error(tensor, original_outputs().at(name));
    const bool vae = name.starts_with("vae");  // f32, or 16 bits in every smaller type
    const double bound = name.starts_with("transformer") ? GetParam().transformer
                         : vae                           ? std::min(GetParam().text, 0.02)
                                                         : GetParam().text;
    EXPECT_LE(error, bound) << name;
    if (bound > 0) {
      EXPECT_GT(error, 0) << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    Types, Converted,
    testing::Values(Bound{"f32", "m", 0, 0}, Bound{"f32", "m.safetensors", 0, 0},
                    Bound{"f32", "m.gguf", 0, 0}, Bound{"f16", "m.safetensors", 1e-3, 2e-3},
                    Bound{"f16", "m.gguf", 1e-3, 2e-3}, Bound{"bf16", "m", 1e-2, 2e-2},
                    Bound{"bf16", "m.gguf", 1e-2, 2e-2}, Bound{"fp8", "m", 5e-2, 1e-1},
                    Bound{"fp8", "m.safetensors", 5e-2, 1e-1}, Bound{"q8_0", "m.gguf", 1e-2, 2e-2},
                    Bound{"q5_1", "m.gguf", 6e-2, 1.5e-1}, Bound{"q5_0", "m.gguf", 6e-2, 1.5e-1},
                    Bound{"q4_1", "m.gguf", 1e-1, 3e-1}, Bound{"q4_0", "m.gguf", 1e-1, 3e-1},
                    Bound{"nf4", "m", 1e-1, 3e-1}, Bound{"nf4-dq", "m", 1e-1, 3e-1}),
    [](const auto& info) {
      std::string name = std::string(info.param.type) + "_" + info.param.output;
      std::ranges::replace_if(
          name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); }, '_');
      return name;
    });

TEST(Convert, LayoutsAndBackIsExact) {
  const TemporaryFolder folder;
  const std::string single = folder / "m.safetensors", gguf = folder / "m.gguf";
  convert(tiny_model().string(), single, options_of("f32"));
  expect_same_weights(single);
  convert(single, gguf, options_of("f32"));
  expect_same_weights(gguf);
  ConvertOptions options = options_of("f32");
  options.tokenizers = tiny_model();
  convert(gguf, folder / "m", options);
  expect_same_weights(folder / "m");
  EXPECT_EQ(ModelFiles::open((folder / "m").string()).missing_to_generate(), "");
}

TEST(Convert, FolderKeepsConfigurations) {
  const TemporaryFolder folder;
  convert(tiny_model().string(), folder / "m", options_of("bf16"));
  for (const std::string name : {"transformer/config.json", "text_encoder_3/config.json", "vae/config.json",
                                 "scheduler/scheduler_config.json", "model_index.json"})
    EXPECT_EQ(read_json_file(folder / "m" / name), read_json_file(tiny_model() / name)) << name;
  for (const std::string name : {"tokenizer/vocab.json", "tokenizer_3/spiece.model"})
    EXPECT_EQ(file_bytes(folder / "m" / name), file_bytes(tiny_model() / name)) << name;
}

TEST(Convert, ReportsWhatBecameWhat) {
  const TemporaryFolder folder;
  const ConvertReport report = convert(tiny_model().string(), folder / "m.gguf", options_of("q4_0"));
  std::map<std::string, std::uint64_t> counts;
  std::set<std::string> rows;
  for (const ConvertReport::Row& row : report.rows) {
    counts[row.component] += row.parameters;
    rows.insert(row.component + ": " + row.what + ": " + row.type);
  }
  EXPECT_TRUE(rows.contains("transformer: linear layers: q4_0"));
  EXPECT_TRUE(rows.contains("transformer: sensitive layers: bf16"));
  EXPECT_TRUE(rows.contains("transformer: embeddings, tables: bf16"));
  EXPECT_TRUE(rows.contains("transformer: biases, norms: f32"));
  EXPECT_TRUE(rows.contains("text_encoder_3: linear layers: q4_0"));
  EXPECT_TRUE(rows.contains("vae: convolutions: bf16"));
  EXPECT_FALSE(rows.contains("vae: convolutions: q4_0"));
  const ModelFiles files = ModelFiles::open(tiny_model().string());
  for (const Component component : kComponents) {
    std::int64_t parameters = 0;
    const auto source = files.weights(component);
    for (const std::string& name : source->names()) parameters += source->find(name)->shape.numel();
    EXPECT_EQ(counts.at(std::string(folder_of(component))), static_cast<std::uint64_t>(parameters));
  }
}

TEST(Convert, GgufOfATransformerIsComfyUis) {
  const TemporaryFolder folder;
  ConvertOptions options = options_of("q8_0");
  options.components = {"transformer"};
  convert(tiny_model().string(), folder / "t.gguf", options);
  const GgufFile file = read_gguf(folder / "t.gguf");
  EXPECT_EQ(file.metadata.at("general.architecture"), "sd3");
  EXPECT_EQ(file.metadata.at("general.file_type"), "7");
  EXPECT_EQ(file.tensors.at("joint_blocks.0.x_block.attn.qkv.weight").type_name(), "q8_0");
  EXPECT_EQ(file.tensors.at("joint_blocks.0.x_block.attn.qkv.weight").shape, (Shape{288, 96}));
  EXPECT_EQ(file.tensors.at("joint_blocks.0.x_block.attn.qkv.bias").type_name(), "f32");
  EXPECT_EQ(file.tensors.at("final_layer.linear.weight").type_name(), "bf16");
  EXPECT_EQ(file.tensors.at("pos_embed").shape.rank(), 3);
}

TEST(Convert, T5AloneIsLlamasAndComesBack) {
  const TemporaryFolder folder;
  ConvertOptions options = options_of("q8_0");
  options.components = {"t5xxl"};
  convert(tiny_model().string(), folder / "t5.gguf", options);
  const GgufFile file = read_gguf(folder / "t5.gguf");
  EXPECT_EQ(file.metadata.at("general.architecture"), "t5encoder");
  EXPECT_EQ(file.tensors.at("enc.blk.0.attn_q.weight").type_name(), "q8_0");
  options.type = "bf16";
  convert(folder / "t5.gguf", folder / "t5", options);  // the file says nothing of which component it is
  const auto weights = ModelFiles::open_part(Component::text_encoder_3, folder / "t5/text_encoder_3")
                           .weights(Component::text_encoder_3);
  EXPECT_EQ(weights->names(),
            ModelFiles::open(tiny_model().string()).weights(Component::text_encoder_3)->names());
  EXPECT_FALSE(fs::exists(folder / "t5/model_index.json"));
}

TEST(Convert, Fp8HasScalesAndAMarker) {
  const TemporaryFolder folder;
  convert(tiny_model().string(), folder / "m.safetensors", options_of("fp8"));
  const StoredTensors tensors = read_safetensors(folder / "m.safetensors").tensors;
  const std::string layer = "model.diffusion_model.joint_blocks.0.x_block.attn.qkv";
  EXPECT_EQ(tensors.at(layer + ".weight").dtype, DType::f8_e4m3);
  EXPECT_EQ(tensors.at(layer + ".scale_weight").dtype, DType::f32);
  EXPECT_EQ(tensors.at(layer + ".scale_weight").shape, Shape{});
  EXPECT_EQ(tensors.at("model.diffusion_model.scaled_fp8").dtype, DType::f8_e4m3);
  EXPECT_FALSE(tensors.contains("first_stage_model.scaled_fp8"));
  // The largest weight uses the last number there is.
  float largest = 0;
  for (const float value : tensors.at(layer + ".weight").read().to(DType::f32).floats())
    largest = std::max(largest, std::fabs(value));
  EXPECT_EQ(largest, 448.0f);
}

TEST(Convert, Nf4IsWhatBitsandbytesWants) {
  const TemporaryFolder folder;
  convert(tiny_model().string(), folder / "m", options_of("nf4-dq"));
  const StoredTensors tensors =
      read_safetensors(folder / "m/transformer/diffusion_pytorch_model.safetensors").tensors;
  const std::string weight = "transformer_blocks.0.ff.net.2.weight";  // [96, 384]
  EXPECT_EQ(tensors.at(weight).shape, (Shape{96 * 384 / 2, 1}));
  EXPECT_EQ(tensors.at(weight + ".absmax").dtype, DType::u8);
  EXPECT_EQ(tensors.at(weight + ".absmax").shape, (Shape{96 * 384 / 64}));
  EXPECT_EQ(tensors.at(weight + ".nested_absmax").shape, (Shape{3}));
  EXPECT_EQ(tensors.at(weight + ".nested_quant_map").shape, (Shape{256}));
  EXPECT_EQ(tensors.at(weight + ".quant_map").shape, (Shape{16}));
  const std::span<const std::byte> text = tensors.at(weight + ".quant_state.bitsandbytes__nf4").segments[0];
  const auto state = parse_json_object({reinterpret_cast<const char*>(text.data()), text.size()}, "state");
  EXPECT_EQ(state.at("quant_type"), "nf4");
  EXPECT_EQ(state.at("dtype"), "float32");
  EXPECT_EQ(state.at("shape"), (std::vector{96, 384}));
  EXPECT_GT(state.at("nested_offset"), 0.0);
  const auto config = read_json_file(folder / "m/transformer/config.json").at("quantization_config");
  EXPECT_EQ(config.at("bnb_4bit_quant_type"), "nf4");
  EXPECT_EQ(config.at("bnb_4bit_use_double_quant"), true);
  const auto kept = config.at("llm_int8_skip_modules").get<std::set<std::string>>();
  EXPECT_TRUE(kept.contains("proj_out"));
  EXPECT_FALSE(kept.contains("transformer_blocks.0.ff.net.2"));
  EXPECT_FALSE(read_json_file(folder / "m/vae/config.json").contains("quantization_config"));
}

TEST(Convert, Nf4Unpacked) {
  const TemporaryFolder folder;
  convert(tiny_model().string(), folder / "nf4", options_of("nf4"));
  convert((folder / "nf4").string(), folder / "plain", options_of("f32"));
  EXPECT_FALSE(read_json_file(folder / "plain/transformer/config.json").contains("quantization_config"));
  const NamedTensors packed = run(folder / "nf4");
  for (const auto& [name, tensor] : run(folder / "plain"))
    EXPECT_EQ(relative_error(tensor, packed.at(name)), 0) << name;
}

template <class Exception>
std::string message_of(const std::string& input, const fs::path& output, const ConvertOptions& options) {
  try {
    convert(input, output, options);
  } catch (const Exception& error) {
    return error.what();
  }
  return "nothing was thrown";
}

TEST(Convert, RefusesWhatDoesNotGoTogether) {
  const TemporaryFolder folder;
  const auto message = [&](const ConvertOptions& options, const std::string& output) {
    return message_of<ArgumentError>(tiny_model().string(), folder / output, options);
  };
  EXPECT_NE(message(options_of("q3_k"), "m.gguf").find("known: f32, f16, bf16, fp8, q8_0"),
            std::string::npos);
  EXPECT_NE(message(options_of("bf16", "zip"), "m").find("known: diffusers, single, gguf"),
            std::string::npos);
  EXPECT_NE(message(options_of("q8_0"), "m").find("GGUF files only"), std::string::npos);
  EXPECT_NE(message(options_of("q8_0"), "m.safetensors").find("GGUF files only"), std::string::npos);
  EXPECT_NE(message(options_of("nf4"), "m.safetensors").find("diffusers layout only"), std::string::npos);
  EXPECT_NE(message(options_of("fp8"), "m.gguf").find("q8_0"), std::string::npos);
  ConvertOptions options = options_of("bf16");
  options.components = {"unet"};
  EXPECT_NE(message(options, "m").find("'unet'"), std::string::npos);
  EXPECT_EQ(folder.entries(), 0);
  put_file(folder / "there.gguf", "mine");
  EXPECT_NE(message(options_of("bf16"), "there.gguf").find("exists already"), std::string::npos);
  EXPECT_EQ(file_bytes(folder / "there.gguf"), "mine");
}

// A whole model whose `name` holds `value`.
void write_model_with(const fs::path& folder, const std::string& name, float value) {
  fs::copy(tiny_model(), folder, fs::copy_options::recursive);
  const fs::path path = folder / "transformer/diffusion_pytorch_model.safetensors";
  std::map<std::string, Tensor> tensors;
  for (const auto& [each, stored] : read_safetensors(path).tensors) tensors[each] = stored.read().clone();
  tensors.at(name).data<float>()[5] = value;
  write_safetensors(path, tensors);
}

TEST(Convert, RefusesValuesBeyondTheType) {
  const TemporaryFolder folder;
  const std::string name = "transformer_blocks.1.ff.net.2.weight";
  write_model_with(folder / "nan", name, std::nanf(""));
  write_model_with(folder / "large", name, 1e9f);
  for (const auto& [type, output] : {std::pair("q8_0", "m.gguf"), {"fp8", "m.safetensors"}, {"nf4", "m"}}) {
    const std::string message = message_of<FileError>(folder / "nan", folder / output, options_of(type));
    EXPECT_NE(message.find(name), std::string::npos) << type << ": " << message;
    EXPECT_NE(message.find("NaN"), std::string::npos) << type << ": " << message;
  }
  EXPECT_NE(message_of<FileError>(folder / "large", folder / "m", options_of("f16")).find("beyond f16"),
            std::string::npos);
  EXPECT_NE(message_of<FileError>(folder / "large", folder / "m.gguf", options_of("q4_0"))
                .find("too large for q4_0"),
            std::string::npos);
  EXPECT_EQ(folder.entries(), 2);  // the inputs
}

TEST(Convert, StopsWhenAskedToAndLeavesNothing) {
  for (const char* output : {"m", "m.gguf", "m.safetensors"}) {
    const TemporaryFolder folder;
    double reached = 0;
    Callbacks callbacks;
    callbacks.on_progress = [&](const Progress& progress) {
      EXPECT_EQ(progress.stage, Stage::convert);
      EXPECT_GE(progress.fraction, reached);
      reached = progress.fraction;
      return progress.fraction < 0.5;
    };
    EXPECT_THROW(convert(tiny_model().string(), folder / output, options_of("f32"), callbacks), Cancelled);
    EXPECT_GE(reached, 0.5);
    EXPECT_EQ(folder.entries(), 0);
  }
}

TEST(Convert, SaysWhatTokenizersItLeftOut) {
  const TemporaryFolder folder;
  convert(tiny_model().string(), folder / "m.safetensors", options_of("bf16"));
  int warnings = 0;
  Callbacks callbacks;
  callbacks.on_warning = [&](const std::string& message) {
    EXPECT_NE(message.find("tokenizer"), std::string::npos);
    ++warnings;
  };
  convert(folder / "m.safetensors", folder / "m", options_of("bf16"), callbacks);
  EXPECT_EQ(warnings, 3);
}

}  // namespace
}  // namespace sd35
