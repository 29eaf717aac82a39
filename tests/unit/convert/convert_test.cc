// Conversion of the tiny random model into every type and layout, and back.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/config_file.h"
#include "core/random.h"
#include "sd35/sd35.h"
#include "tests/support/compare.h"
#include "tests/support/file_bytes.h"
#include "tests/support/stages.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "weights/files/gguf.h"
#include "weights/files/safetensors.h"
#include "weights/layouts/component_weights.h"
#include "weights/model/model_files.h"

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
                    Bound{"bf16", "m.gguf", 1e-2, 2e-2}, Bound{"fp8", "m", 5e-2, 2e-2},
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
  options.parts.tokenizers = tiny_model();
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
  convert(folder / "t5.gguf", folder / "t5", options);  // the file does not say which component it is
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
  // The largest weight becomes the largest number there is.
  float largest = 0;
  const Tensor weight = tensors.at(layer + ".weight").read().to(DType::f32);
  for (const float value : weight.floats()) largest = std::max(largest, std::fabs(value));
  EXPECT_EQ(largest, 448.0f);
}

// What plain fp8 makes of a weight.
float in_fp8(float value) { return f8_e4m3_to_float(float_to_f8_e4m3(std::clamp(value, -448.0f, 448.0f))); }

TEST(Convert, Fp8OfAFolderIsPlainAndTheTransformersAlone) {
  const TemporaryFolder folder;
  convert(tiny_model().string(), folder / "m", options_of("fp8"));
  const auto file = [&](const std::string& component, const std::string& name) {
    return read_safetensors(folder / "m" / component / (name + ".safetensors")).tensors;
  };
  const StoredTensors tensors = file("transformer", "diffusion_pytorch_model");
  const auto original = ModelFiles::open(tiny_model().string()).weights(Component::transformer);
  EXPECT_EQ(tensors.size(), original->names().size());  // no scales, no marker
  int in_eight_bits = 0;
  for (const auto& [name, tensor] : tensors) {
    const bool block = name.starts_with("transformer_blocks.") && tensor.shape.rank() == 2;
    EXPECT_EQ(tensor.dtype, block ? DType::f8_e4m3 : DType::bf16) << name;
    if (!block) continue;
    ++in_eight_bits;
    const Tensor before = original->find(name)->read().to(DType::f32), after = tensor.read().to(DType::f32);
    for (std::int64_t i = 0; i < before.numel(); ++i)
      ASSERT_EQ(after.floats()[i], in_fp8(before.floats()[i])) << name << " " << i;
  }
  EXPECT_GT(in_eight_bits, 10);
  for (const auto& [component, name] :
       {std::pair("text_encoder", "model"), {"text_encoder_3", "model"}, {"vae", "diffusion_pytorch_model"}})
    for (const auto& [key, tensor] : file(component, name)) EXPECT_EQ(tensor.dtype, DType::bf16) << key;
  EXPECT_FALSE(read_json_file(folder / "m/transformer/config.json").contains("quantization_config"));
}

TEST(Convert, Fp8OfANamedComponent) {
  const TemporaryFolder folder;
  ConvertOptions options = options_of("fp8");
  options.components = {"t5xxl"};
  convert(tiny_model().string(), folder / "t5", options);
  const StoredTensors tensors = read_safetensors(folder / "t5/text_encoder_3/model.safetensors").tensors;
  EXPECT_EQ(tensors.at("encoder.block.0.layer.0.SelfAttention.q.weight").dtype, DType::f8_e4m3);
  EXPECT_EQ(tensors.at("encoder.block.0.layer.0.layer_norm.weight").dtype, DType::bf16);
}

TEST(Convert, Fp8WidensExactly) {
  const TemporaryFolder folder;
  convert(tiny_model().string(), folder / "fp8", options_of("fp8"));
  const ModelFiles narrow = ModelFiles::open((folder / "fp8").string());
  for (const char* type : {"bf16", "f32"}) {
    convert((folder / "fp8").string(), folder / type, options_of(type));
    const ModelFiles wide = ModelFiles::open((folder / type).string());
    for (const Component component : kComponents) {
      const auto a = narrow.weights(component), b = wide.weights(component);
      for (const std::string& name : a->names()) {
        const Tensor x = a->find(name)->read().to(DType::f32), y = b->find(name)->read().to(DType::f32);
        EXPECT_EQ(std::memcmp(x.raw(), y.raw(), x.bytes()), 0) << name;
      }
    }
    const NamedTensors before = run(folder / "fp8");
    for (const auto& [name, tensor] : run(folder / type))
      EXPECT_EQ(relative_error(tensor, before.at(name)), 0) << name;
  }
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

// The tiny model with other values in every JSON file that shapes do not show.
void write_unusual_model(const fs::path& folder) {
  fs::copy(tiny_model(), folder, fs::copy_options::recursive);
  const auto edit = [&](const std::string& name, const nlohmann::json& change) {
    nlohmann::json json = read_json_file(folder / name);
    json.update(change);
    put_file(folder / name, json.dump());
  };
  edit("vae/config.json", {{"scaling_factor", 0.37}, {"shift_factor", 0.02}, {"norm_num_groups", 16}});
  edit("text_encoder/config.json", {{"hidden_act", "gelu"}, {"num_attention_heads", 4}});
  edit("text_encoder_2/config.json", {{"layer_norm_eps", 1e-6}});
  edit("text_encoder_3/config.json", {{"relative_attention_max_distance", 64}});
  edit("transformer/config.json", {{"sample_size", 48}, {"a key of another program", "kept"}});
  edit("scheduler/scheduler_config.json", {{"shift", 6.0}});
  put_file(folder / "sd35.json", R"({"words": ["cat", "dog"]})");
}

void expect_same_configurations(const ModelFiles& a, const ModelFiles& b) {
  for (const Component component : kComponents) EXPECT_EQ(a.config(component), b.config(component));
  EXPECT_EQ(a.scheduler_config(), b.scheduler_config());
  EXPECT_EQ(a.extras(), b.extras());
}

TEST(Convert, WhatJsonSaysSurvivesEveryLayout) {
  const TemporaryFolder folder;
  write_unusual_model(folder / "m");
  const ModelFiles model = ModelFiles::open((folder / "m").string());
  std::string input = folder / "m";
  ConvertOptions options = options_of("f32");
  options.parts.tokenizers = tiny_model();
  for (const char* output : {"a.safetensors", "b.gguf", "c", "d.gguf", "e.safetensors", "f"}) {
    convert(input, folder / output, options);
    expect_same_configurations(model, ModelFiles::open((folder / output).string()));
    input = folder / output;
  }
}

TEST(Convert, PartsAloneCarryTheirConfigurations) {
  const TemporaryFolder folder;
  write_unusual_model(folder / "m");
  const ModelFiles model = ModelFiles::open((folder / "m").string());
  for (const Component component : kComponents)
    for (const char* end : {".safetensors", ".gguf"}) {
      ConvertOptions options = options_of("f32");
      options.components = {std::string(folder_of(component))};
      const fs::path output = folder / (options.components[0] + end);
      convert(folder / "m", output, options);
      const ModelFiles part = ModelFiles::open_part(component, output);
      EXPECT_EQ(part.config(component), model.config(component));
      EXPECT_EQ(part.says_scheduler(), component == Component::transformer);
      // Converted on, from the file alone.
      convert(output, folder / (options.components[0] + "-again" + end), options);
      EXPECT_EQ(ModelFiles::open_part(component, folder / (options.components[0] + "-again" + end))
                    .config(component),
                model.config(component));
    }
}

TEST(Convert, GuessesAreNotWrittenAsFacts) {
  const TemporaryFolder folder;
  convert(tiny_model().string(), folder / "m.safetensors", options_of("f32"));
  StoredTensors stored = read_safetensors(folder / "m.safetensors").tensors;
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, tensor] : stored)
    if (!name.starts_with("text_encoders.clip"))
      tensors[name] = tensor.read().clone();  // heads of 64, as published
  write_safetensors(folder / "plain.safetensors", tensors);
  ConvertOptions options = options_of("f32");
  options.components = {"transformer"};
  convert(folder / "plain.safetensors", folder / "t.gguf", options);
  EXPECT_FALSE(read_gguf(folder / "t.gguf").metadata.contains("sd35.config"));
}

TEST(Convert, RefusesGuessesThatContradictTheModel) {
  const TemporaryFolder folder;
  write_unusual_model(folder / "m");
  // An autoencoder of other sizes, whose scale is said nowhere.
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, tensor] :
       read_safetensors(folder / "m/vae/diffusion_pytorch_model.safetensors").tensors)
    if (name.find(".resnets.2.") == name.npos && name.find("encoder.down_blocks.0.resnets.1") == name.npos)
      tensors[name] = tensor.read().clone();
  write_safetensors(folder / "vae.safetensors", tensors);
  ConvertOptions options = options_of("f32");
  options.parts.vae = folder / "vae.safetensors";
  try {
    convert(folder / "m", folder / "out", options);
    FAIL();
  } catch (const FileError& error) {
    for (const char* part : {"vae.safetensors: it is not what ", "'scaling_factor' is 1.5305 instead of 0.37",
                             "name a folder with its config.json"})
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
  }
  EXPECT_FALSE(fs::exists(folder / "out"));
}

TEST(Convert, AsItIsKeepsEveryByte) {
  const TemporaryFolder folder;
  std::string input = tiny_model().string();
  for (const char* output : {"a.safetensors", "b.gguf", "c", "d"}) {
    convert(input, folder / output, options_of(""));
    expect_same_weights(folder / output);
    input = folder / output;
  }
  // Each of the smaller types, in the layouts that hold it.
  ConvertOptions options = options_of("");
  options.parts.tokenizers = tiny_model();
  for (const auto& [type, outputs] : std::map<std::string, std::vector<std::string>>{
           {"fp8", {"fp8", "fp8.safetensors", "fp8-2", "fp8-3.safetensors"}},  // without scales
           {"f8_e4m3", {"scaled.safetensors", "scaled", "scaled-2.safetensors"}},
           {"q4_1", {"q4_1.gguf", "q4_1-2.gguf"}},
           {"nf4", {"nf4", "nf4-2"}},
           {"nf4-dq", {"nf4-dq", "nf4-dq-2"}}}) {
    convert(tiny_model().string(), folder / outputs[0], options_of(type));
    const NamedTensors first = run(folder / outputs[0]);
    for (std::size_t i = 1; i < outputs.size(); ++i) {
      convert(folder / outputs[i - 1], folder / outputs[i], options);
      const NamedTensors before = run(folder / outputs[i - 1]);
      for (const auto& [name, tensor] : run(folder / outputs[i]))
        EXPECT_EQ(relative_error(tensor, before.at(name)), 0) << type << name;
    }
  }
  EXPECT_EQ(file_bytes(folder / "nf4-dq/transformer/diffusion_pytorch_model.safetensors"),
            file_bytes(folder / "nf4-dq-2/transformer/diffusion_pytorch_model.safetensors"));
  EXPECT_EQ(read_json_file(folder / "nf4/transformer/config.json"),
            read_json_file(folder / "nf4-2/transformer/config.json"));
}

TEST(Convert, AsItIsSaysWhatALayoutCannotHold) {
  const TemporaryFolder folder;
  const auto expect = [&](const std::string& type, const std::string& input, const std::string& output,
                          const std::string& part) {
    if (!fs::exists(folder / input)) convert(tiny_model().string(), folder / input, options_of(type));
    try {
      convert(folder / input, folder / output, options_of(""));
      ADD_FAILURE() << input << " to " << output;
    } catch (const ArgumentError& error) {
      EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find("--type"), std::string::npos) << error.what();
    }
    EXPECT_FALSE(fs::exists(folder / output));
  };
  expect("q8_0", "a.gguf", "a", "is q8_0, which exists in GGUF files only");
  expect("q8_0", "a.gguf", "a.safetensors", "GGUF files only");
  expect("nf4", "b", "b.gguf", "is nf4, which exists in folders of the diffusers layout only");
  expect("nf4", "b", "b.safetensors", "folders of the diffusers layout only");
  expect("fp8", "c.safetensors", "c.gguf", "f8_e4m3 scaled, which exists in safetensors only");
}

TEST(Convert, AModelWithoutT5StaysWithout) {
  const TemporaryFolder folder;
  fs::copy(tiny_model(), folder / "m", fs::copy_options::recursive);
  fs::remove_all(folder / "m/text_encoder_3");
  fs::remove_all(folder / "m/tokenizer_3");
  nlohmann::json index = read_json_file(folder / "m/model_index.json");
  index["text_encoder_3"] = index["tokenizer_3"] = nlohmann::json::array({nullptr, nullptr});
  put_file(folder / "m/model_index.json", index.dump());
  Callbacks callbacks;
  callbacks.on_warning = [](const std::string& warning) { ADD_FAILURE() << warning; };
  convert(folder / "m", folder / "out", options_of("bf16"), callbacks);
  EXPECT_TRUE(ModelFiles::open(folder / "out").without_t5());
  EXPECT_EQ(ModelFiles::open(folder / "out").missing_to_generate(), "");
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

TEST(Convert, QueryKeyAndValueOfSeveralScalesAreNoOneTensor) {
  const TemporaryFolder folder;
  convert(tiny_model().string(), folder / "m.safetensors", options_of("fp8"));
  ConvertOptions options = options_of("");
  options.parts.tokenizers = tiny_model();
  convert(folder / "m.safetensors", folder / "m", options);
  const fs::path path = folder / "m/transformer/diffusion_pytorch_model.safetensors";
  std::map<std::string, Tensor> tensors;
  for (const auto& [name, stored] : read_safetensors(path).tensors) tensors[name] = stored.read().clone();
  tensors.at("transformer_blocks.0.attn.to_k.scale_weight").data<float>()[0] *= 2;
  write_safetensors(path, tensors);
  EXPECT_NE(message_of<ArgumentError>(folder / "m", folder / "again.safetensors", options)
                .find("stored in several ways"),
            std::string::npos);
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
  for (const auto& [type, output] :
       {std::pair("q8_0", "m.gguf"), {"fp8", "m.safetensors"}, {"fp8", "m"}, {"nf4", "m"}}) {
    const std::string message = message_of<FileError>(folder / "nan", folder / output, options_of(type));
    EXPECT_NE(message.find(name), std::string::npos) << type << ": " << message;
    EXPECT_NE(message.find("NaN"), std::string::npos) << type << ": " << message;
  }
  EXPECT_NE(message_of<FileError>(folder / "large", folder / "m", options_of("f16")).find("beyond f16"),
            std::string::npos);
  EXPECT_NE(message_of<FileError>(folder / "large", folder / "m.gguf", options_of("q4_0"))
                .find("too large for q4_0"),
            std::string::npos);
  // fp8 has no infinity: what is too large becomes its largest number.
  convert(folder / "large", folder / "fp8", options_of("fp8"));
  const auto weights = ModelFiles::open(folder / "fp8").weights(Component::transformer);
  EXPECT_EQ(weights->find(name)->read().to(DType::f32).floats()[5], 448.0f);
  EXPECT_EQ(folder.entries(), 3);  // the inputs, and that
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
