// Configurations: the published values are read, everything that is not supported is refused.
#include "mmdit/config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/error.h"
#include "random_models/tiny_configs.h"
#include "text/clip_text_model.h"
#include "text/t5_encoder.h"
#include "vae/config.h"

namespace sd35 {
namespace {

nlohmann::json tiny(const std::string& name) { return tiny_configs({512, 600}).at(name); }

struct Change {
  const char* key;
  nlohmann::json value;  // null removes the key
};

template <class Config>
void expect_refused(const nlohmann::json& good, const std::vector<Change>& changes) {
  Config::from_json(good, "good");
  for (const Change& change : changes) {
    nlohmann::json json = good;
    json[change.key] = change.value;
    try {
      Config::from_json(json, "some/config.json");
      ADD_FAILURE() << change.key << " = " << change.value << " was accepted";
    } catch (const FileError& error) {
      EXPECT_NE(std::string(error.what()).find("some/config.json"), std::string::npos) << error.what();
      EXPECT_EQ(error.file(), "some/config.json");
      EXPECT_NE(std::string(error.what()).find(change.key), std::string::npos) << error.what();
    }
  }
}

TEST(ConfigTest, TransformerHasThePublishedSizes) {
  const nlohmann::json json = nlohmann::json::parse(R"({
    "sample_size": 128, "patch_size": 2, "in_channels": 16, "out_channels": 16, "num_layers": 24,
    "attention_head_dim": 64, "num_attention_heads": 24, "joint_attention_dim": 4096,
    "caption_projection_dim": 1536, "pooled_projection_dim": 2048, "pos_embed_max_size": 384,
    "dual_attention_layers": [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], "qk_norm": "rms_norm"})");
  const MmditConfig config = MmditConfig::from_json(json, "test");
  EXPECT_EQ(config.width(), 1536);
  EXPECT_EQ(config.num_layers, 24);
  EXPECT_EQ(config.joint_attention_dim, 4096);
  EXPECT_EQ(config.pooled_projection_dim, 2048);
  EXPECT_EQ(config.pos_embed_max_size, 384);
  EXPECT_TRUE(config.qk_norm);
  for (std::size_t i = 0; i < 24; ++i) EXPECT_EQ(config.dual_attention[i], i <= 12) << i;
}

TEST(ConfigTest, TransformerTrainedToEditSaysSo) {
  nlohmann::json json = tiny("transformer/config.json");
  EXPECT_FALSE(MmditConfig::from_json(json, "test").reference_tokens);
  json["_class_name"] = "SD3Transformer2DKontextModel";
  EXPECT_TRUE(MmditConfig::from_json(json, "test").reference_tokens);
}

TEST(ConfigTest, TransformerRefusesWhatItCannotRun) {
  expect_refused<MmditConfig>(tiny("transformer/config.json"), {{"num_layers", nullptr},
                                                                {"num_layers", 0},
                                                                {"num_layers", 1e9},
                                                                {"num_attention_heads", -3},
                                                                {"attention_head_dim", "wide"},
                                                                {"out_channels", 8},
                                                                {"patch_size", 0},
                                                                {"caption_projection_dim", 95},
                                                                {"pos_embed_max_size", 1000000},
                                                                {"qk_norm", "layer_norm"},
                                                                {"dual_attention_layers", {0, 4}},
                                                                {"dual_attention_layers", {-1}}});
  nlohmann::json json = tiny("transformer/config.json");
  json["qk_norm"] = nullptr;
  json.erase("dual_attention_layers");
  const MmditConfig config = MmditConfig::from_json(json, "test");
  EXPECT_FALSE(config.qk_norm);
  EXPECT_EQ(config.dual_attention, std::vector<bool>(4, false));
}

TEST(ConfigTest, VaeRefusesWhatItCannotRun) {
  expect_refused<VaeConfig>(tiny("vae/config.json"), {{"use_quant_conv", true},
                                                      {"use_quant_conv", nullptr},
                                                      {"use_post_quant_conv", true},
                                                      {"mid_block_add_attention", false},
                                                      {"latents_mean", {0.0}},
                                                      {"act_fn", "relu"},
                                                      {"block_out_channels", nlohmann::json::array()},
                                                      {"block_out_channels", {32, 33}},
                                                      {"block_out_channels", std::vector(9, 32)},
                                                      {"in_channels", 4},
                                                      {"latent_channels", 0},
                                                      {"scaling_factor", 0},
                                                      {"shift_factor", nullptr},
                                                      {"sample_size", 250}});
  const VaeConfig config = VaeConfig::from_json(tiny("vae/config.json"), "test");
  EXPECT_EQ(config.scale(), 8);
  EXPECT_FLOAT_EQ(config.scaling_factor, 1.5305f);
  EXPECT_FLOAT_EQ(config.shift_factor, 0.0609f);
}

TEST(ConfigTest, ClipRefusesWhatItCannotRun) {
  expect_refused<ClipConfig>(tiny("text_encoder/config.json"), {{"hidden_size", nullptr},
                                                                {"hidden_size", 127},
                                                                {"num_attention_heads", 0},
                                                                {"vocab_size", 1e12},
                                                                {"max_position_embeddings", 0},
                                                                {"hidden_act", "relu"},
                                                                {"layer_norm_eps", -1}});
  EXPECT_EQ(ClipConfig::from_json(tiny("text_encoder/config.json"), "test").hidden_act,
            Activation::quick_gelu);
  EXPECT_EQ(ClipConfig::from_json(tiny("text_encoder_2/config.json"), "test").hidden_act, Activation::gelu);
}

TEST(ConfigTest, T5RefusesWhatItCannotRun) {
  expect_refused<T5Config>(tiny("text_encoder_3/config.json"), {{"feed_forward_proj", "relu"},
                                                                {"feed_forward_proj", nullptr},
                                                                {"dense_act_fn", "silu"},
                                                                {"d_model", 0},
                                                                {"d_kv", 1e6},
                                                                {"relative_attention_num_buckets", 2},
                                                                {"relative_attention_num_buckets", 30},
                                                                {"relative_attention_max_distance", 8},
                                                                {"layer_norm_epsilon", 0}});
  const T5Config config = T5Config::from_json(tiny("text_encoder_3/config.json"), "test");
  EXPECT_EQ(config.d_kv, 16);
  EXPECT_EQ(config.num_heads, 4);
}

}  // namespace
}  // namespace sd35
