// One LoRA under the names that trainers and programs give its keys.
#include "lora/lora_keys.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "core/error.h"
#include "lora/lora_file.h"
#include "tests/support/temporary_folder.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

constexpr const char* kQuery = "transformer_blocks.0.attn.to_q";
constexpr const char* kClip = "text_model.encoder.layers.0.mlp.fc1";

const LoraTargets& targets() {
  static const LoraTargets targets = {
      {Component::transformer,
       {{"context_embedder.weight", {6, 8}},
        {"context_embedder.bias", {6}},
        {"transformer_blocks.0.attn.to_q.weight", {6, 6}},
        {"transformer_blocks.0.attn.to_k.weight", {6, 6}},
        {"transformer_blocks.0.attn.to_v.weight", {6, 6}},
        {"transformer_blocks.0.attn.to_out.0.weight", {6, 6}}}},
      {Component::text_encoder, {{"text_model.encoder.layers.0.mlp.fc1.weight", {8, 4}}}},
      {Component::text_encoder_2, {{"text_model.encoder.layers.0.mlp.fc1.weight", {8, 4}}}},
      {Component::text_encoder_3, {{"encoder.block.0.layer.0.SelfAttention.q.weight", {4, 4}}}}};
  return targets;
}

struct Found {
  Component component;
  std::string layer;
  bool operator==(const Found&) const = default;
};

// What a key is taken for; an empty layer if it is taken for none.
Found meaning(const std::string& key) {
  static const LoraLayers layers(targets());
  const auto split = split_lora_key(key);
  const LoraLayer* layer = split ? layers.find(split->layer) : nullptr;
  return layer == nullptr ? Found{} : Found{layer->component, layer->name};
}

TEST(LoraKeysTest, PrefixesStackInAnyOrder) {
  for (const char* prefix : {"",
                             "transformer.",
                             "diffusion_model.",
                             "model.diffusion_model.",
                             "base_model.model.",
                             "model.",
                             "transformer.base_model.model.",
                             "base_model.model.transformer.",
                             "base_model.model.base_model.model.",
                             "module.",
                             "module.module.",
                             "_orig_mod.",
                             "transformer._orig_mod.",
                             "_orig_mod.module.transformer.",
                             "diffusion_model.base_model.model._orig_mod.",
                             "unet.",
                             "base_model.model.diffusion_model.",
                             "lora_unet_",
                             "lora_transformer_",
                             "lycoris_",
                             "lora_unet_diffusion_model_",
                             "lora_unet_transformer_",
                             "lora_unet__orig_mod_",
                             "base_model_model_transformer_",
                             "lora.transformer.",
                             "ema.model.",
                             "default."})
    for (const char* layer : {kQuery, "transformer_blocks_0_attn_to_q", "transformer_blocks.0.attn_to_q"})
      EXPECT_EQ(meaning(prefix + std::string(layer) + ".lora_A.weight"),
                (Found{Component::transformer, kQuery}))
          << prefix << layer;
}

TEST(LoraKeysTest, BothLayouts) {
  for (const char* prefix : {"", "diffusion_model.", "lora_unet_", "transformer.", "base_model.model."})
    for (const char* layer : {"joint_blocks.0.x_block.attn.qkv", "joint_blocks_0_x_block_attn_qkv"})
      EXPECT_EQ(meaning(prefix + std::string(layer) + ".lora_down.weight"),
                (Found{Component::transformer, "joint_blocks.0.x_block.attn.qkv"}))
          << prefix << layer;
  EXPECT_EQ(meaning("lora_unet_context_embedder.lora_up.weight").layer, "context_embedder");
}

TEST(LoraKeysTest, WrappersInTheMiddleOfNames) {
  for (const char* key :
       {"transformer_blocks.0._orig_mod.attn.to_q.lora_A.weight",
        "transformer.transformer_blocks.0._fsdp_wrapped_module.attn.to_q.lora_A.weight",
        "module.transformer_blocks.0._checkpoint_wrapped_module._orig_mod.attn.to_q.lora_A.weight",
        "transformer_blocks.0.attn.to_q._orig_mod.lora_A.weight",
        "transformer_blocks.0.module.attn.module.to_q.module.lora_A.weight",
        "lora_unet_transformer_blocks_0__orig_mod_attn_to_q.lora_down.weight",
        "transformer_blocks.0.attn.processor.to_q_lora.down.weight"})
    EXPECT_EQ(meaning(key), (Found{Component::transformer, kQuery})) << key;
}

TEST(LoraKeysTest, Endings) {
  const auto role = [](const std::string& ending) { return split_lora_key(kQuery + ending).value().role; };
  for (const char* ending :
       {".lora_A.weight", ".lora_A.default.weight", ".lora_A.my-style.weight", ".lora_A", ".lora_down.weight",
        ".lora_down.default_0.weight", ".lora.down.weight", ".lora_linear_layer.down.weight"})
    EXPECT_EQ(role(ending), LoraRole::down) << ending;
  for (const char* ending : {".lora_B.weight", ".lora_B.my-style.weight", ".lora_B", ".lora_up.weight",
                             ".lora.up.weight", ".lora_linear_layer.up.weight"})
    EXPECT_EQ(role(ending), LoraRole::up) << ending;
  EXPECT_EQ(role(".alpha"), LoraRole::alpha);
  EXPECT_FALSE(split_lora_key("transformer_blocks.0.attn.to_q.weight").has_value());
  EXPECT_FALSE(split_lora_key("").has_value());
  EXPECT_FALSE(split_lora_key(".weight").has_value());
  EXPECT_EQ(unsupported_in_lora("transformer_blocks.0.attn.to_q.lora_B.my-style.bias"), "a bias");
}

TEST(LoraKeysTest, TextEncoders) {
  for (const char* key :
       {"text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_A.weight",
        "text_encoder.encoder.layers.0.mlp.fc1.lora_A.weight",
        "lora_te1_text_model_encoder_layers_0_mlp_fc1.lora_down.weight",
        "base_model.model.text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_A.weight",
        "text_encoder.base_model.model.text_model.encoder.layers.0.mlp.fc1.lora_A.weight",
        "text_encoders.clip_l.transformer.text_model.encoder.layers.0.mlp.fc1.lora_A.weight"})
    EXPECT_EQ(meaning(key), (Found{Component::text_encoder, kClip})) << key;
  EXPECT_EQ(meaning("text_encoder_2.text_model.encoder.layers.0.mlp.fc1.lora_A.weight").component,
            Component::text_encoder_2);
  EXPECT_EQ(meaning("lora_te3_encoder_block_0_layer_0_SelfAttention_q.lora_down.weight").component,
            Component::text_encoder_3);
}

TEST(LoraKeysTest, LongNamesAreNotSearched) {
  std::string key;
  for (int i = 0; i < 1'000'000; ++i) key += "module.";
  EXPECT_EQ(meaning(key + kQuery + ".lora_A.weight").layer, "");
}

TEST(LoraKeysTest, OtherModelsKeysMeanNothing) {
  for (const char* key :
       {"controlnet.transformer_blocks.0.attn.to_q.lora_A.weight",
        "vae.transformer_blocks.0.attn.to_q.lora_A.weight",
        "transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight",
        "transformer_blocks.1.attn.to_q.lora_A.weight", "text_model.encoder.layers.0.mlp.fc1.lora_A.weight",
        "text_encoder.transformer_blocks.0.attn.to_q.lora_A.weight", "lora_te4_text_model.lora_A.weight",
        "transformer.lora_A.weight", "lora_unet_.lora_A.weight", ".lora_A.weight",
        "context_embedder.bias.lora_A.weight"})
    EXPECT_EQ(meaning(key).layer, "") << key;
}

class LoraFileTest : public testing::Test {
 protected:
  // A LoRA of rank 2 of the layer, as `name` with the keys `down` and `up`.
  void write(const std::string& name, const std::vector<std::string>& downs, const std::string& up) {
    std::map<std::string, Tensor> tensors;
    for (const std::string& down : downs) tensors[down] = Tensor({2, 6}, DType::f32);
    tensors[up] = Tensor({6, 2}, DType::f32);
    for (auto& [key, tensor] : tensors) std::fill_n(tensor.data<float>(), tensor.numel(), 0.5f);
    write_safetensors(folder_ / name, tensors, {});
  }
  LoraUpdates read(const std::string& name) { return read_lora(folder_ / name, targets(), {}); }

  TemporaryFolder folder_;
};

TEST_F(LoraFileTest, TwoNamesOfOneLayerMeanTheSame) {
  write("a.safetensors",
        {"transformer.transformer_blocks.0.attn.to_q.lora_A.weight",
         "diffusion_model.transformer_blocks.0.attn.to_q.lora_A.weight"},
        "transformer.transformer_blocks.0.attn.to_q.lora_B.weight");
  try {
    read("a.safetensors");
    ADD_FAILURE() << "one of two was taken";
  } catch (const FileError& error) {
    EXPECT_NE(std::string(error.what()).find("have the same meaning"), std::string::npos) << error.what();
  }
}

TEST_F(LoraFileTest, PeftsOwnFileTakesAlphaFromTheConfigurationBeside) {
  const std::string down = "base_model.model.transformer_blocks.0.attn.to_q.lora_A.weight",
                    up = "base_model.model.transformer_blocks.0.attn.to_q.lora_B.weight";
  write("adapter_model.safetensors", {down}, up);
  const auto scale = [&] { return read("adapter_model.safetensors").at(Component::transformer).at(0).scale; };
  EXPECT_EQ(scale(), 1.0f);
  std::ofstream(folder_ / "adapter_config.json")
      << R"({"peft_type": "LORA", "r": 2, "lora_alpha": 8, "rank_pattern": {}, "alpha_pattern": {"to_k": 2}})";
  EXPECT_EQ(scale(), 4.0f);
  write("other.safetensors", {down}, up);  // what lies beside it is not its own
  EXPECT_EQ(read("other.safetensors").at(Component::transformer).at(0).scale, 1.0f);
  std::ofstream(folder_ / "adapter_config.json") << R"({"r": 3})";
  EXPECT_THROW(scale(), FileError);
  std::ofstream(folder_ / "adapter_config.json") << "not JSON";
  EXPECT_THROW(scale(), FileError);
}

TEST_F(LoraFileTest, AFolderIsReadAtFullStrength) {
  write("adapter_model.safetensors", {"base_model.model." + std::string(kQuery) + ".lora_A.weight"},
        "base_model.model." + std::string(kQuery) + ".lora_B.weight");
  const auto scale = [&](const std::string& config) {
    std::ofstream(folder_ / "adapter_config.json") << config;
    return read("").at(Component::transformer).at(0).scale;  // of the folder
  };
  EXPECT_EQ(scale(R"({"peft_type": "LORA", "r": 2, "lora_alpha": 4, "bias": "none", "use_dora": false,
                      "modules_to_save": null, "init_lora_weights": true})"),
            2.0f);
  EXPECT_FLOAT_EQ(scale(R"({"r": 2, "lora_alpha": 4, "use_rslora": true})"), 4 / std::sqrt(2.0f));
  EXPECT_EQ(scale(R"({"r": 4, "lora_alpha": 4, "rank_pattern": {"to_q": 2}, "alpha_pattern": {"attn.to_q": 6},
                      "modules_to_save": [], "init_lora_weights": "gaussian"})"),
            3.0f);
}

TEST_F(LoraFileTest, ConfigurationsThatLieAreRefusedInOneLine) {
  write("adapter_model.safetensors", {"base_model.model." + std::string(kQuery) + ".lora_A.weight"},
        "base_model.model." + std::string(kQuery) + ".lora_B.weight");
  const auto message = [&](const std::string& config) -> std::string {
    std::ofstream(folder_ / "adapter_config.json") << config;
    try {
      read("adapter_model.safetensors");
    } catch (const FileError& error) {
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return std::string(error.what()).substr((folder_ / "adapter_config.json").string().size());
    }
    return "";
  };
  EXPECT_EQ(message(R"({"r": 4})"),
            ": the rank of 'transformer_blocks.0.attn.to_q' is 4, but its tensors have 2");
  EXPECT_EQ(message(R"({"use_dora": true})"),
            ": 'use_dora' says that it is DoRA; only plain LoRA of linear layers is supported");
  EXPECT_EQ(message(R"({"bias": "lora_only"})"),
            ": 'bias' says that it is LoRA with biases; only plain LoRA of linear layers is supported");
  EXPECT_EQ(
      message(R"({"modules_to_save": ["proj_out"]})"),
      ": 'modules_to_save' says that it is LoRA with whole modules; only plain LoRA of linear layers is "
      "supported");
  EXPECT_EQ(message(R"({"peft_type": "LOKR"})"),
            ": 'peft_type' says that it is 'LOKR'; only plain LoRA of linear layers is supported");
  EXPECT_EQ(
      message(R"({"init_lora_weights": "pissa_niter_4"})"),
      ": 'init_lora_weights' says that it is one for changed weights (pissa); only plain LoRA of linear "
      "layers is supported");
  for (const char* lie :
       {R"({"lora_alpha": NaN})", R"({"lora_alpha": 1e999})", R"({"lora_alpha": 1e30})",
        R"({"lora_alpha": "8"})", R"({"r": 0})", R"({"r": 2.5})", R"({"r": -2})", R"({"rank_pattern": 2})",
        R"({"alpha_pattern": {"to_q": "x"}})", R"({"rank_pattern": {"to_.*": 2}})", R"({"use_rslora": 1})",
        "[]", "", "\xff\xfe", R"({"r": 2, "r": 2})"})
    EXPECT_NE(message(lie), "") << lie;
  EXPECT_NE(message("{\"target_modules\": \"" + std::string(2'000'000, 'x') + "\"}"), "");
  EXPECT_NE(message(std::string(100'000, '[')), "");
}

TEST_F(LoraFileTest, FoldersWithoutWeights) {
  const auto message = [&]() -> std::string {
    try {
      read("");
    } catch (const FileError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ(message(), (folder_ / "").string() +
                           ": a folder of a LoRA holds adapter_model.safetensors or "
                           "pytorch_lora_weights.safetensors");
  std::ofstream(folder_ / "adapter_model.bin") << "pickled";
  EXPECT_EQ(message(), (folder_ / "adapter_model.bin").string() +
                           " is pickled by torch; save it with safe_serialization=True");
  write("pytorch_lora_weights.safetensors", {std::string("transformer.") + kQuery + ".lora_A.weight"},
        std::string("transformer.") + kQuery + ".lora_B.weight");
  EXPECT_EQ(message(), "");
}

// The layers of Stable Diffusion 3 Medium are among those of 3.5 Medium: only what the file says tells them
// apart, where it changes nothing that the older model lacks.
TEST_F(LoraFileTest, WarnsOfOneForTheOlderModel) {
  const auto warnings = [&](const std::string& layer, std::int64_t rows,
                            const std::map<std::string, std::string>& metadata) {
    std::map<std::string, Tensor> tensors{{layer + ".lora_A.weight", Tensor::zeros({2, 6})},
                                          {layer + ".lora_B.weight", Tensor::zeros({rows, 2})}};
    write_safetensors(folder_ / "old.safetensors", tensors, metadata);
    LoraTargets two = targets();
    for (const char* projection : {"to_q", "to_k", "to_v"})
      two[Component::transformer]["transformer_blocks.0.attn2." + std::string(projection) + ".weight"] = {6,
                                                                                                          6};
    two[Component::transformer]["transformer_blocks.0.norm1.linear.weight"] = {54, 6};
    std::vector<std::string> list;
    read_lora(folder_ / "old.safetensors", two, [&](const std::string& text) { list.push_back(text); });
    return list;
  };
  const std::string query = "transformer.transformer_blocks.0.attn.to_q";
  for (const char* model :
       {"stable-diffusion-3-medium/lora", "stable-diffusion-3-m/lora", "sd3_m", "SD3 Medium"}) {
    const auto list = warnings(query, 6, {{"modelspec.architecture", model}});
    ASSERT_EQ(list.size(), 1u) << model;
    EXPECT_NE(list[0].find("made for Stable Diffusion 3 Medium? It says '" + std::string(model) + "'"),
              std::string::npos)
        << list[0];
  }
  EXPECT_EQ(warnings(query, 6, {{"ss_base_model_version", "sd3-m"}}).size(), 1u);
  for (const char* model :
       {"stable-diffusion-3.5-medium/lora", "stable-diffusion-3-5-medium", "sd3.5_medium", "flux-1-dev", ""})
    EXPECT_EQ(warnings(query, 6, {{"modelspec.architecture", model}}).size(), 0u) << model;
  EXPECT_EQ(warnings(query, 6, {}).size(), 0u);
  const std::map<std::string, std::string> older{{"modelspec.architecture", "stable-diffusion-3-medium"}};
  EXPECT_EQ(warnings("transformer.transformer_blocks.0.attn2.to_q", 6, older).size(), 0u);
  EXPECT_EQ(warnings("transformer.transformer_blocks.0.norm1.linear", 54, older).size(), 0u);
}

TEST_F(LoraFileTest, PeftsConfigurationMayNameTheOlderModel) {
  write("adapter_model.safetensors", {"base_model.model." + std::string(kQuery) + ".lora_A.weight"},
        "base_model.model." + std::string(kQuery) + ".lora_B.weight");
  std::vector<std::string> list;
  for (const char* model :
       {"stabilityai/stable-diffusion-3-medium-diffusers", "stabilityai/stable-diffusion-3.5-medium"}) {
    std::ofstream(folder_ / "adapter_config.json") << R"({"base_model_name_or_path": ")" << model << R"("})";
    read_lora(folder_ / "", targets(), [&](const std::string& text) { list.push_back(text); });
  }
  EXPECT_EQ(list.size(), 1u);
}

}  // namespace
}  // namespace sd35
