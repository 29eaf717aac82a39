#include "weights/model/model_files.h"

#include <sys/stat.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/unit/weights/whole_model.h"
#include "weights/model/download_advice.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using enum Component;

constexpr const char* kLicence = "accept the Stability AI Community License";

// An environment variable for the time of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? setenv(name_, before_->c_str(), 1) : unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST_F(WholeModel, Folder) {
  make_folder(folder_ / "model");
  const ModelFiles files = ModelFiles::open(folder_ / "model");
  expect_whole_model(files);
  EXPECT_FALSE(files.is_single_file());
  EXPECT_EQ(files.config(vae), (nlohmann::json{{"name", "vae"}}));
  EXPECT_EQ(files.config_location(vae).text, folder_ / "model/vae/config.json");
  EXPECT_EQ(files.scheduler_config().at("shift"), 2.0);
  EXPECT_EQ(files.tokenizer(1), folder_ / "model/tokenizer");
  EXPECT_EQ(files.tokenizer(2), folder_ / "model/tokenizer_2");
  EXPECT_EQ(files.tokenizer(3), folder_ / "model/tokenizer_3");
}

TEST_F(WholeModel, FolderWithShardsAndVariants) {
  const fs::path model = folder_ / "model", encoder = model / "text_encoder_3";
  make_folder(model);
  fs::remove(encoder / "model.safetensors");
  Tensors first = t5_, second;
  second.insert(first.extract("shared.weight"));
  write_safetensors(encoder / "model.fp16-00001-of-00002.safetensors", first);
  write_safetensors(encoder / "model.fp16-00002-of-00002.safetensors", second);
  nlohmann::json map;
  for (const auto& [name, tensor] : first) map[name] = "model.fp16-00001-of-00002.safetensors";
  map["shared.weight"] = "model.fp16-00002-of-00002.safetensors";
  put(encoder / "model.safetensors.index.fp16.json", nlohmann::json{{"weight_map", map}}.dump());
  fs::rename(model / "text_encoder/model.safetensors", model / "text_encoder/model.fp16.safetensors");
  // A variant next to the whole is not looked at.
  put(model / "vae/diffusion_pytorch_model.fp16.safetensors", "damaged");
  expect_whole_model(ModelFiles::open(model));
}

TEST_F(WholeModel, FolderWithoutWeights) {
  make_folder(folder_ / "model");
  fs::remove(folder_ / "model/transformer/diffusion_pytorch_model.safetensors");
  fs::remove_all(folder_ / "model/text_encoder_3");
  fs::remove(folder_ / "model/tokenizer_2/merges.txt");
  const ModelFiles files = ModelFiles::open(folder_ / "model");
  EXPECT_FALSE(files.has(transformer));
  EXPECT_EQ(files.config(transformer).at("name"), "transformer");
  expect_error(files.missing_to_generate(),
               {"text_encoder_3/model.safetensors, text_encoder_3/config.json, "
                "transformer/diffusion_pytorch_model.safetensors, tokenizer_2/merges.txt (or "
                "tokenizer_2/tokenizer.json); get Stable Diffusion 3.5",
                kLicence, "sd35 pull stabilityai/stable-diffusion-3.5-medium"});
  EXPECT_EQ(files.missing_to_generate(false).find("text_encoder_3"), std::string::npos);
  expect_error(file_error([&] { files.weights(transformer); }),
               {"the weights of transformer are missing", kLicence});
  expect_error(file_error([&] { files.tokenizer(2); }),
               {"tokenizer_2/merges.txt (or ", "tokenizer_2/tokenizer.json) is missing", "--tokenizers"});
}

// What is missing and what is loaded must agree.
TEST_F(WholeModel, TokenizersInEitherForm) {
  const fs::path model = folder_ / "model";
  make_folder(model);
  for (const std::string name : {"tokenizer", "tokenizer_2", "tokenizer_3"}) {
    fs::remove_all(model / name);
    put(model / name / "tokenizer.json", "");
  }
  const ModelFiles files = ModelFiles::open(model);
  EXPECT_EQ(files.missing_to_generate(), "");
  for (const int number : {1, 2, 3}) EXPECT_TRUE(fs::is_directory(files.tokenizer(number)));

  put(model / "tokenizer/vocab.json", "");  // without merges.txt it is neither in the way nor enough
  EXPECT_EQ(files.missing_to_generate(), "");
  fs::remove(model / "tokenizer/tokenizer.json");
  fs::remove(model / "tokenizer_3/tokenizer.json");
  expect_error(files.missing_to_generate(), {"tokenizer/merges.txt (or tokenizer/tokenizer.json)",
                                             "tokenizer_3/spiece.model (or tokenizer_3/tokenizer.json)"});
  expect_error(file_error([&] { files.tokenizer(1); }), {"tokenizer/merges.txt (or ", "--tokenizers"});
  expect_error(file_error([&] { files.tokenizer(3); }), {"tokenizer_3/spiece.model (or "});
}

TEST_F(WholeModel, TokenizersThatWereNamedAreNamedWhereTheyLack) {
  make_folder(folder_ / "model");
  fs::create_directories(folder_ / "elsewhere");
  const auto check = [&](bool use_t5) {
    const ModelFiles files =
        ModelFiles::open(folder_ / "model", ModelParts{.tokenizers = folder_ / "elsewhere"});
    return file_error([&] { files.check_named_tokenizers(use_t5); });
  };
  expect_error(check(true),
               {"tokenizers: '" + (folder_ / "elsewhere").string() + "' lacks tokenizer/vocab.json",
                "tokenizer_2/vocab.json", "tokenizer_3/spiece.model"});
  for (const std::string name : {"tokenizer", "tokenizer_2"})
    put(folder_ / "elsewhere" / name / "tokenizer.json", "");
  expect_error(check(true), {"lacks tokenizer_3/spiece.model"});
  EXPECT_EQ(check(false), "no error");
  EXPECT_EQ(file_error([&] { ModelFiles::open(folder_ / "model").check_named_tokenizers(); }), "no error");
}

TEST_F(WholeModel, NoModel) {
  expect_error(file_error(folder_ / "none", [&] { ModelFiles::open(folder_ / "none"); }),
               {"no such file or folder", kLicence});
  expect_error(file_error([&] { ModelFiles::open(folder_.path()); }),
               {"holds no model_index.json", kLicence});
  put(folder_ / "xl/model_index.json", R"({"_class_name": "StableDiffusionXLPipeline"})");
  expect_error(file_error([&] { ModelFiles::open(folder_ / "xl"); }),
               {"a model for 'StableDiffusionXLPipeline'; only StableDiffusion3Pipeline is supported"});
  write_safetensors(folder_ / "lora.safetensors", {{"weight", numbered({1})}});
  expect_error(file_error([&] { ModelFiles::open(folder_ / "lora.safetensors"); }),
               {"no part of Stable Diffusion 3.5 is in it", "its tensors are called 'weight'"});
  write_safetensors(folder_ / "lora.safetensors",
                    {{"transformer_blocks.0.attn.to_q.lora_A.weight", numbered({1})}});
  expect_error(file_error([&] { ModelFiles::open(folder_ / "lora.safetensors"); }),
               {"it seems to hold a LoRA (name it as --lora)"});
}

TEST_F(WholeModel, SingleFile) {
  const fs::path path = folder_ / "everything.safetensors";
  Tensors tensors = single_file(transformer_, vae_, clip_l_, clip_g_, t5_);
  tensors["text_encoders.clip_l.logit_scale"] = numbered({});
  write_safetensors(path, tensors);
  make_tokenizers(folder_.path());  // beside the file
  const ModelFiles files = ModelFiles::open(path);
  EXPECT_TRUE(files.is_single_file());
  expect_whole_model(files);
  EXPECT_EQ(files.scheduler_config().at("shift"), 3.0);
  EXPECT_TRUE(files.config_location(vae).text.starts_with(path.string() + " (it carries no configuration"));
}

TEST_F(WholeModel, SingleFileDerivesConfigurations) {
  write_safetensors(folder_ / "m.safetensors", single_file(transformer_, vae_, clip_l_, clip_g_, t5_));
  const ModelFiles files = ModelFiles::open(folder_ / "m.safetensors");
  const auto expect_config = [&](Component component, const nlohmann::json& expected) {
    const nlohmann::json config = files.config(component);
    for (const auto& [key, value] : expected.items())
      EXPECT_EQ(config.value(key, nlohmann::json()), value) << key;
  };
  expect_config(transformer, {{"patch_size", 2},
                              {"in_channels", 4},
                              {"out_channels", 4},
                              {"num_layers", 3},
                              {"attention_head_dim", 4},
                              {"num_attention_heads", 2},
                              {"joint_attention_dim", 10},
                              {"caption_projection_dim", 8},
                              {"pooled_projection_dim", 6},
                              {"pos_embed_max_size", 3},
                              {"dual_attention_layers", {0, 1}},
                              {"qk_norm", "rms_norm"}});
  expect_config(vae, {{"in_channels", 3},
                      {"out_channels", 3},
                      {"latent_channels", 4},
                      {"block_out_channels", {2, 4}},
                      {"layers_per_block", 2},
                      {"norm_num_groups", 32},
                      {"scaling_factor", 1.5305},
                      {"shift_factor", 0.0609},
                      {"use_quant_conv", false}});
  expect_config(text_encoder, {{"vocab_size", 20},
                               {"hidden_size", 64},
                               {"num_attention_heads", 1},
                               {"num_hidden_layers", 2},
                               {"intermediate_size", 128},
                               {"max_position_embeddings", 7},
                               {"projection_dim", 64},
                               {"hidden_act", "quick_gelu"}});
  expect_config(text_encoder_2, {{"hidden_size", 128}, {"num_attention_heads", 2}, {"hidden_act", "gelu"}});
  expect_config(text_encoder_3, {{"vocab_size", 30},
                                 {"d_model", 12},
                                 {"d_kv", 4},
                                 {"d_ff", 20},
                                 {"num_layers", 2},
                                 {"num_heads", 2},
                                 {"relative_attention_num_buckets", 32}});
}

TEST_F(WholeModel, SingleFileWithSeparateEncoders) {
  write_safetensors(folder_ / "m.safetensors", single_file(transformer_, vae_, {}, {}, {}));
  Tensors prefixed;
  for (const auto& [name, tensor] : clip_g_) prefixed["text_encoders.clip_g.transformer." + name] = tensor;
  write_safetensors(folder_ / "clip_l.safetensors", clip_l_);
  write_safetensors(folder_ / "clip_g.safetensors", prefixed);
  fs::create_directory(folder_ / "t5");
  write_safetensors(folder_ / "t5/model.safetensors", t5_);
  make_tokenizers(folder_ / "words");

  ModelParts extra;
  const std::string alone = ModelFiles::open(folder_ / "m.safetensors", extra).missing_to_generate();
  expect_error(alone,
               {"the weights of text_encoder, the weights of text_encoder_2, the weights of text_encoder_3, "
                "tokenizer/vocab.json",
                "name them as --clip-l, --clip-g, --t5xxl"});
  extra = {folder_ / "clip_l.safetensors", folder_ / "clip_g.safetensors", folder_ / "t5", folder_ / "words"};
  expect_whole_model(ModelFiles::open(folder_ / "m.safetensors", extra));

  extra.tokenizers = folder_ / "m.safetensors";
  expect_error(file_error([&] { ModelFiles::open(folder_ / "m.safetensors", extra); }), {"is not a folder"});
  extra = {folder_ / "words", {}, {}, {}};
  expect_error(file_error([&] { ModelFiles::open(folder_ / "m.safetensors", extra); }),
               {"holds no model.safetensors"});
}

TEST_F(WholeModel, AnErrorOfANamedPartNamesItsOption) {
  make_folder(folder_ / "model");
  put(folder_ / "damaged.safetensors", "no weights");
  const auto option_of = [&](const ModelParts& named) -> std::string {
    try {
      ModelFiles::open(folder_ / "model", named).check_named_tokenizers();
    } catch (const FileError& error) {
      EXPECT_NE(error.file(), fs::path()) << error.what();
      return error.option();
    }
    return "no error";
  };
  const fs::path damaged = folder_ / "damaged.safetensors";
  EXPECT_EQ(option_of({.clip_l = damaged}), "clip_l");
  EXPECT_EQ(option_of({.clip_g = damaged}), "clip_g");
  EXPECT_EQ(option_of({.t5xxl = damaged}), "t5xxl");
  EXPECT_EQ(option_of({.transformer = folder_ / "nowhere"}), "transformer");
  EXPECT_EQ(option_of({.vae = folder_ / "model/vae/config.json"}), "vae");
  EXPECT_EQ(option_of({.tokenizers = damaged}), "tokenizers");
  EXPECT_EQ(option_of({.tokenizers = folder_ / "model/vae"}), "tokenizers");
  EXPECT_EQ(option_of({}), "no error");
}

TEST_F(WholeModel, EncodersLoseWhatNoModelBinds) {
  make_folder(folder_ / "model");
  Tensors clip = clip_l_, t5 = t5_;
  clip["text_model.embeddings.position_ids"] = Tensor::zeros({1, 7}, DType::i64);
  clip["logit_scale"] = numbered({});
  t5["encoder.embed_tokens.weight"] = t5["shared.weight"];
  write_safetensors(folder_ / "model/text_encoder/model.safetensors", clip);
  write_safetensors(folder_ / "model/text_encoder_3/model.safetensors", t5);
  expect_whole_model(ModelFiles::open(folder_ / "model"));
  t5.erase("shared.weight");  // the copy alone
  write_safetensors(folder_ / "model/text_encoder_3/model.safetensors", t5);
  expect_whole_model(ModelFiles::open(folder_ / "model"));

  write_safetensors(folder_ / "model/text_encoder_2/model.safetensors", make_clip(128, 1, false));
  expect_error(file_error([&] { ModelFiles::open(folder_ / "model").weights(text_encoder_2); }),
               {"'text_projection.weight' of CLIP-G is missing"});
}

TEST_F(WholeModel, WithoutT5) {
  make_folder(folder_ / "model");
  fs::remove_all(folder_ / "model/text_encoder_3");
  fs::remove_all(folder_ / "model/tokenizer_3");
  // Only this is missing: there is a way to draw.
  expect_error(
      ModelFiles::open(folder_ / "model").missing_to_generate(),
      {"text_encoder_3/model.safetensors", "; --no-t5 draws without T5; to draw with it, get Stable"});
  // Saved without it: nothing is missing.
  put(folder_ / "model/model_index.json",
      R"({"_class_name": "StableDiffusion3Pipeline", "text_encoder_3": [null, null], "tokenizer_3": [null, null]})");
  const ModelFiles files = ModelFiles::open(folder_ / "model");
  EXPECT_TRUE(files.without_t5());
  EXPECT_EQ(files.missing_to_generate(), "");
  // If one is named it is used.
  write_safetensors(folder_ / "t5.safetensors", t5_);
  EXPECT_FALSE(ModelFiles::open(folder_ / "model", {{}, {}, folder_ / "t5.safetensors", {}}).without_t5());
}

TEST(DownloadAdvice, IsWhatTheReadmeSays) {
  const std::string readme = file_bytes(SD35_SOURCE_DIR "/README.md");
  EXPECT_NE(readme.find("\n" + std::string(kDownloadCommand) + "\n"), std::string::npos);
  EXPECT_NE(kWhereToGet.find(kDownloadCommand), std::string_view::npos);
}

class ScaledFp8 : public WholeModel {
 protected:
  // T5 with one scaled linear layer, in the older or newer names.
  Tensors scaled(bool newer) {
    Tensors t5 = t5_;
    t5[layer_ + ".weight"] = Tensor::from(Shape{8, 12}, std::vector<float>(96, 1.5f)).to(DType::f8_e4m3);
    t5[layer_ + (newer ? ".weight_scale" : ".scale_weight")] =
        Tensor::from(Shape{}, std::vector<float>{0.25f});
    t5[layer_ + (newer ? ".input_scale" : ".scale_input")] = Tensor::from(Shape{1}, std::vector<float>{1});
    return t5;
  }

  Tensor format(const std::string& text) {
    Tensor tensor({static_cast<std::int64_t>(text.size())}, DType::u8);
    std::copy(text.begin(), text.end(), tensor.data<std::uint8_t>());
    return tensor;
  }

  std::string error(const Tensors& t5) {
    write_safetensors(folder_ / "t5.safetensors", t5);
    write_safetensors(folder_ / "m.safetensors", single_file(transformer_, vae_, {}, {}, {}));
    return file_error([&] {
      ModelFiles::open(folder_ / "m.safetensors", {{}, {}, folder_ / "t5.safetensors", {}});
    });
  }

  const std::string layer_ = "encoder.block.1.layer.0.SelfAttention.q";
};

TEST_F(ScaledFp8, ScalesApplyAndMarkersGo) {
  Tensors older = scaled(false), newer = scaled(true);
  older["scaled_fp8"] = Tensor({0}, DType::f8_e4m3);
  newer[layer_ + ".comfy_quant"] = format(R"({"format": "float8_e4m3fn"})");
  t5_[layer_ + ".weight"] = Tensor::from(Shape{8, 12}, std::vector<float>(96, 0.375f));
  for (const Tensors& t5 : {older, newer}) {
    EXPECT_EQ(error(t5), "no error");
    const ModelFiles files =
        ModelFiles::open(folder_ / "m.safetensors", {{}, {}, folder_ / "t5.safetensors", {}});
    expect_tensors(*files.weights(text_encoder_3), t5_);
  }
  Tensors everything = single_file(transformer_, vae_, clip_l_, clip_g_, older);
  everything["text_encoders.clip_l.scaled_fp8"] = Tensor({2}, DType::f8_e4m3);
  write_safetensors(folder_ / "m.safetensors", everything);
  expect_tensors(*ModelFiles::open(folder_ / "m.safetensors").weights(text_encoder_3), t5_);
}

TEST_F(ScaledFp8, OtherQuantizationsAreRefused) {
  Tensors t5 = scaled(true);
  t5[layer_ + ".weight_scale"] = numbered({8});
  expect_error(error(t5), {"t5.safetensors: tensor '" + layer_ + ".weight_scale' has shape [8]; a scale"});
  t5[layer_ + ".weight_scale"] = Tensor::from(Shape{}, std::vector<float>{-1});
  expect_error(error(t5), {"is -1.0"});
  t5[layer_ + ".weight_scale"] = Tensor::zeros({}, DType::i32);
  expect_error(error(t5), {"is of type i32"});
  t5 = scaled(true);
  t5[layer_ + ".weight"] = numbered({8, 12});
  expect_error(error(t5), {"has a scale but is of type f32"});
  t5.erase(layer_ + ".weight");
  expect_error(error(t5), {"scales '" + layer_ + ".weight', which is missing"});
  t5 = scaled(true);
  t5[layer_ + ".comfy_quant"] = format(R"({"format": "nvfp4"})");
  expect_error(error(t5), {"'format' is 'nvfp4'; supported: 'float8_e4m3fn', 'float8_e5m2'"});
  t5[layer_ + ".comfy_quant"] = format("{");
  expect_error(error(t5), {"comfy_quant': not valid JSON"});
}

class HubCache : public WholeModel {
 protected:
  // As huggingface_hub lays out a download: snapshots of links into blobs.
  void download(const fs::path& cache) {
    const fs::path model = cache / "models--org--sd3.5";
    make_folder(model / "snapshots" / commit_);
    const fs::path file = model / "snapshots" / commit_ / "vae/diffusion_pytorch_model.safetensors";
    fs::create_directories(model / "blobs");
    fs::rename(file, model / "blobs/0f");
    fs::create_symlink("../../../blobs/0f", file);
    put(model / "refs/main", commit_);
  }

  const std::string commit_ = "b940f670f0eda2d07fbb75229e779da1ad11eb80";
};

TEST_F(HubCache, IsFoundByTheVariables) {
  for (const auto& [variable, below] : {std::pair("HF_HUB_CACHE", ""),
                                        {"HF_HOME", "hub"},
                                        {"XDG_CACHE_HOME", "huggingface/hub"},
                                        {"HOME", ".cache/huggingface/hub"}}) {
    std::vector<std::unique_ptr<Variable>> empty;
    for (const char* name : {"HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME", "HOME"})
      empty.push_back(std::make_unique<Variable>(name, folder_ / "empty"));
    EXPECT_NE(file_error([&] {
                ModelFiles::open("org/sd3.5");
              }).find("none of this name in the Hugging Face cache"),
              std::string::npos);
    const Variable set(variable, folder_ / variable);
    download(folder_ / variable / below);
    expect_whole_model(ModelFiles::open("org/sd3.5"));
  }
}

TEST_F(HubCache, AReferenceThatIsAPipeIsNotWaitedFor) {
  const Variable set("HF_HUB_CACHE", folder_ / "hub");
  download(folder_ / "hub");
  const fs::path reference = folder_ / "hub/models--org--sd3.5/refs/main";
  put(reference, commit_ + "\n");
  expect_whole_model(ModelFiles::open("org/sd3.5"));
  fs::remove(reference);
  ASSERT_EQ(mkfifo(reference.c_str(), 0600), 0);
  expect_error(file_error([&] { ModelFiles::open("org/sd3.5"); }), {"refs/main", "it is not a regular file"});
}

TEST_F(HubCache, NeverLeavesTheCache) {
  const Variable set("HF_HUB_CACHE", folder_ / "hub");
  download(folder_ / "hub");
  for (const std::string name : {"org/../sd3.5", "../sd3.5", "org/.", "org/sd3.5/vae", "org", "/", ""})
    EXPECT_NE(file_error([&] { ModelFiles::open(name); }), "no error") << name;
  for (const std::string& commit : {"../snapshots/" + commit_, std::string("..")}) {
    put(folder_ / "hub/models--org--sd3.5/refs/main", commit);
    EXPECT_NE(file_error([&] { ModelFiles::open("org/sd3.5"); }), "no error") << commit;
  }
}

}  // namespace
}  // namespace sd35
