// Configurations: which source counts when a part is in a file of its own.
#include "weights/model/said_config.h"

#include "tests/unit/weights/whole_model.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using enum Component;

// Everything that only JSON says differs from the published model.
nlohmann::json vae_said() {
  return {{"_class_name", "AutoencoderKL"},
          {"in_channels", 3},
          {"out_channels", 3},
          {"latent_channels", 4},
          {"layers_per_block", 2},
          {"block_out_channels", {2, 4}},
          {"norm_num_groups", 2},
          {"scaling_factor", 0.37},
          {"shift_factor", 0.02},
          {"sample_size", 256},
          {"use_quant_conv", false},
          {"use_post_quant_conv", false},
          {"a key of another program", "kept"}};
}

TEST_F(WholeModel, ConfigurationStaysWhenAPartIsNamedByFile) {
  make_folder(folder_ / "model");
  put(folder_ / "model/vae/config.json", vae_said().dump());
  write_safetensors(folder_ / "vae.safetensors", vae_.original);
  ModelParts extra;
  extra.vae = folder_ / "vae.safetensors";
  const ModelFiles files = ModelFiles::open(folder_ / "model", extra);
  EXPECT_EQ(files.config(vae), vae_said());
  EXPECT_EQ(files.config_location(vae).text, folder_ / "model/vae/config.json");
  EXPECT_EQ(files.configuration(vae).doubt, "");

  // Another autoencoder, whose scale is not known.
  write_safetensors(folder_ / "vae.safetensors", make_vae({4, 8}).original);
  const ComponentConfig other = ModelFiles::open(folder_ / "model", extra).configuration(vae);
  EXPECT_EQ(other.json.at("block_out_channels"), (std::vector{4, 8}));
  EXPECT_EQ(other.json.at("scaling_factor"), 1.5305);
  EXPECT_FALSE(other.said);
  expect_error(other.doubt,
               {"vae.safetensors: it is not what ",
                "model/vae/config.json describes ('block_out_channels' is [4,8] instead of [2,4])",
                "'scaling_factor' is 1.5305 instead of 0.37"});

  // If the folder says what would be derived, no warning is needed.
  nlohmann::json published = vae_said();
  published.update(
      {{"norm_num_groups", 32}, {"scaling_factor", 1.5305}, {"shift_factor", 0.0609}, {"sample_size", 1024}});
  put(folder_ / "model/vae/config.json", published.dump());
  EXPECT_EQ(ModelFiles::open(folder_ / "model", extra).configuration(vae).doubt, "");
}

TEST_F(WholeModel, FilesSayTheirConfigurations) {
  const std::map<std::string, nlohmann::json> said{
      {"vae", vae_said()}, {"scheduler", {{"shift", 6.0}}}, {"sd35", {{"words", {"cat"}}}}};
  const std::map<std::string, std::string> metadata{{std::string(kConfigKey), text_of_configs(said)}};
  write_safetensors(folder_ / "m.safetensors", single_file(transformer_, vae_, clip_l_, clip_g_, t5_),
                    metadata);
  const ModelFiles files = ModelFiles::open(folder_ / "m.safetensors");
  EXPECT_EQ(files.config(vae), vae_said());
  EXPECT_TRUE(files.configuration(vae).said);
  EXPECT_EQ(files.config_location(vae).text, folder_ / "m.safetensors (metadata 'sd35.config')");
  EXPECT_EQ(files.config_location(vae).file, folder_ / "m.safetensors");
  EXPECT_FALSE(files.configuration(transformer).said);
  EXPECT_TRUE(files.says_scheduler());
  EXPECT_EQ(files.scheduler_config().at("shift"), 6.0);
  EXPECT_EQ(files.extras(), said.at("sd35"));

  // A part that replaces one: what the model says of it stays; what its own file says takes precedence.
  ModelParts extra;
  extra.vae = folder_ / "vae.safetensors";
  write_safetensors(extra.vae, vae_.diffusers);
  EXPECT_EQ(ModelFiles::open(folder_ / "m.safetensors", extra).config(vae), vae_said());
  nlohmann::json own = vae_said();
  own["scaling_factor"] = 2.5;
  write_safetensors(extra.vae, vae_.diffusers, {{std::string(kConfigKey), text_of_configs({{"vae", own}})}});
  EXPECT_EQ(ModelFiles::open(folder_ / "m.safetensors", extra).config(vae), own);
  EXPECT_EQ(ModelFiles::open_part(vae, extra.vae).config(vae), own);

  // A transformer brings its shift and its words if the model says nothing.
  write_safetensors(folder_ / "t.safetensors", transformer_.original, metadata);
  extra = {};
  extra.transformer = folder_ / "t.safetensors";
  write_safetensors(folder_ / "plain.safetensors", single_file(transformer_, vae_, clip_l_, clip_g_, t5_));
  EXPECT_EQ(ModelFiles::open(folder_ / "plain.safetensors", extra).scheduler_config().at("shift"), 6.0);
  EXPECT_EQ(ModelFiles::open(folder_ / "plain.safetensors", extra).extras(), said.at("sd35"));
  make_folder(folder_ / "model");
  EXPECT_EQ(ModelFiles::open(folder_ / "model", extra).scheduler_config().at("shift"), 2.0);
}

TEST_F(WholeModel, MetadataIsReadAsHostile) {
  const auto error = [&](const std::string& text) {
    write_safetensors(folder_ / "m.safetensors", transformer_.original, {{"sd35.config", text}});
    return file_error(folder_ / "m.safetensors", [&] { ModelFiles::open(folder_ / "m.safetensors"); });
  };
  expect_error(error("{"), {"m.safetensors: metadata 'sd35.config': not valid JSON"});
  expect_error(error("[]"), {"must be an object"});
  expect_error(error(R"({"vae": 3})"), {"'vae' is not an object"});
  expect_error(error(R"({"vae": {}, "vae": {}})"), {"key 'vae' is there twice"});
}

TEST_F(WholeModel, AFileThatSaysItIsTheOtherClip) {
  make_folder(folder_ / "model");
  write_safetensors(folder_ / "clip.safetensors", clip_g_, {{"sd35.config", R"({"text_encoder_2": {}})"}});
  expect_error(file_error([&] {
                 ModelFiles::open(folder_ / "model", {folder_ / "clip.safetensors", {}, {}, {}});
               }),
               {"clip.safetensors: it is text_encoder_2; name it as --clip-g"});
}

}  // namespace
}  // namespace sd35
