// What inspect() says of a path, and that generate() says the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "pipeline/recipe.h"
#include "sd35/sd35.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "weights/files/safetensors.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

class Inspect : public testing::Test {
 protected:
  static void expect_parts(const std::string& text, const std::vector<std::string>& parts) {
    for (const std::string& part : parts) EXPECT_NE(text.find(part), std::string::npos) << text;
  }
  static nlohmann::json report(const fs::path& path) { return nlohmann::json::parse(inspect(path, true)); }
  static std::string error(const std::function<void()>& body) {
    try {
      body();
    } catch (const FileError& error) {
      return error.what();
    }
    return "";
  }
  // A copy of the tiny model that a test may spoil.
  fs::path copy() const {
    fs::copy(tiny_model(), folder_ / "m", fs::copy_options::recursive);
    return folder_ / "m";
  }

  TemporaryFolder folder_;
};

TEST_F(Inspect, AModelForAPerson) {
  const std::string text = inspect(tiny_model());
  expect_parts(text, {"(diffusers layout)\n", "transformer     SD3Transformer2DModel         4 layers   ",
                      "vae             AutoencoderKL                 4 layers",
                      "text_encoder_3  T5EncoderModel                2 layers", "iB: f32\n",
                      "\nnothing is missing to generate\n"});
  EXPECT_EQ(text.find("proj_out.weight"), std::string::npos);
  expect_parts(inspect(tiny_model(), false, true), {"  proj_out.weight ", " f32      [64, 96]\n"});
}

TEST_F(Inspect, WhatAModelDrawsWith) {
  const fs::path model = copy();
  expect_parts(inspect(model), {"\ndraws 256 x 256 pixels in 40 steps of euler, guidance 4.5, unless"});
  put_file(model / "sd35.json", R"({"defaults": {"width": 96, "steps": 7, "sampler": "dpm++2m"}})");
  expect_parts(inspect(model), {"\ndraws 96 x 256 pixels in 7 steps of dpm++2m, guidance 4.5, unless"});
  EXPECT_EQ(report(model).at("defaults").at("steps"), 7);
  put_file(model / "sd35.json", R"({"defaults": {"steps": 0}})");
  expect_parts(inspect(model), {"cannot generate: ", "sd35.json: 'defaults': "});
  expect_parts(error([&] { Pipeline::from_pretrained(model.string()); }), {"sd35.json: 'defaults': "});
}

TEST_F(Inspect, AModelForFewSteps) {
  const fs::path model = folder_ / "medium-turbo";
  fs::copy(tiny_model(), model, fs::copy_options::recursive);
  expect_parts(inspect(model), {"warning: 'medium-turbo' sounds like a model for few steps"});
  put_file(model / "sd35.json", R"({"defaults": {"steps": 8, "guidance_scale": 1}})");
  EXPECT_TRUE(report(model).at("warnings").empty());
}

TEST_F(Inspect, AModelAsJson) {
  const nlohmann::json whole = report(tiny_model());
  EXPECT_EQ(whole.at("layout"), "diffusers");
  const nlohmann::json& t5 = whole.at("components").at("text_encoder_3");
  EXPECT_EQ(t5.at("class"), "T5EncoderModel");
  EXPECT_EQ(t5.at("layers"), 2);
  EXPECT_EQ(t5.at("bytes"), 4 * t5.at("parameters").get<std::int64_t>());
  EXPECT_EQ(whole.at("missing_to_generate"), "");
  EXPECT_EQ(whole.at("problem"), "");
  EXPECT_TRUE(whole.at("warnings").empty());
}

TEST_F(Inspect, LorasOfAModelAndOfAPictureByTheirArguments) {
  Recipe recipe{"m", {}, {}};
  recipe.load.loras = {{"merged.safetensors", 1}};
  recipe.generate.loras = {{"attached.safetensors", 0.5}};
  save({1, 1, {0, 0, 0}, metadata_of(recipe)}, folder_ / "a.png");
  expect_parts(inspect(folder_ / "a.png"), {"\n  loras (--lora)              [{\"path\":\"merged",
                                            "\n  loras (--attach-lora)       [{\"path\":\"attached"});
}

TEST_F(Inspect, SaysWhatGenerateSays) {
  const auto expect_same = [&](const fs::path& model) {
    const std::string said = error([&] { Pipeline::from_pretrained(model.string()); });
    EXPECT_NE(said, "");
    EXPECT_EQ(report(model).at("problem"), said);
    const std::string text = inspect(model);
    EXPECT_EQ(text.find("nothing is missing"), std::string::npos) << text;
  };
  const fs::path model = copy();
  put_file(model / "scheduler/scheduler_config.json", R"({"_class_name": "Other"})");
  expect_same(model);
  expect_parts(inspect(model), {"cannot generate: ", "\"Other\""});
  fs::remove(model / "tokenizer_3/spiece.model");
  expect_same(model);
  expect_parts(inspect(model), {"missing to generate: tokenizer_3/", "--no-t5"});
  fs::remove(model / "vae/config.json");
  expect_same(model);
  put_file(model / "transformer/diffusion_pytorch_model.safetensors",
           "version https://git-lfs.github.com/spec/v1\n");
  expect_same(model);
  expect_parts(inspect(model), {"transformer     ", "git lfs pull"});
}

TEST_F(Inspect, TellsTheWarningsOfGenerate) {
  const fs::path model = copy();
  fs::remove_all(model / "text_encoder_3");
  fs::remove_all(model / "tokenizer_3");
  nlohmann::json index = nlohmann::json::parse(file_bytes(model / "model_index.json"));
  index["text_encoder_3"] = index["tokenizer_3"] = nlohmann::json::array({nullptr, nullptr});
  put_file(model / "model_index.json", index.dump());
  EXPECT_EQ(report(model).at("problem"), "");
  expect_parts(report(model).at("warnings").at(0), {"was saved without T5"});
  expect_parts(inspect(model), {"warning: ", "was saved without T5", "\nnothing is missing to generate\n"});
}

TEST_F(Inspect, APicture) {
  Recipe recipe;
  recipe.model = "models/a";
  recipe.generate.prompt = "a cat\nand a dog";
  recipe.generate.seed = 18446744073709551615u;
  recipe.generate.guidance_scale = 4.5;
  for (const std::string name : {"a.png", "a.jpg", "a.webp"}) {
    Picture picture{2, 3, std::vector<std::uint8_t>(18, 7), metadata_of(recipe)};
    save(picture, folder_ / name);
    expect_parts(
        inspect(folder_ / name),
        {" picture, 2 x 3)\n", "made with\n", "\n  model                       models/a\n",
         "\n  prompt                      a cat\\x0aand a dog\n",
         "\n  seed                        18446744073709551615\n", "\n  skip_layer_guidance.scale   2.8\n"});
    EXPECT_EQ(report(folder_ / name).at("recipe").at("generate").at("prompt"), "a cat\nand a dog");
    EXPECT_EQ(report(folder_ / name).at("width"), 2);
  }
  save({1, 1, {1, 2, 3}, {}}, folder_ / "plain.png");
  expect_parts(inspect(folder_ / "plain.png"), {"(a PNG picture, 1 x 1)\n", "does not say how it was made"});
  save({1, 1, {1, 2, 3}, {{"parameters", "a cat\nSteps: 3"}}}, folder_ / "other.png");
  expect_parts(inspect(folder_ / "other.png"), {"made by another program with\n  a cat\\x0aSteps: 3\n"});
}

TEST_F(Inspect, AnySafetensorsFile) {
  const std::map<std::string, Tensor> tensors{{"a\nb", Tensor::zeros({2, 3})}};
  write_safetensors(folder_ / "lora", tensors, {{"rank", "4"}});
  expect_parts(inspect(folder_ / "lora", false, true),
               {"(safetensors layout)", "6 parameters in 1 tensors, 24 B: f32", "a\\x0ab", "[2, 3]",
                "metadata 'rank': '4'", "it seems to hold nothing of Stable Diffusion 3.5"});
  EXPECT_EQ(report(folder_ / "lora").at("metadata").at("rank"), "4");
}

TEST_F(Inspect, AnyGgufFile) {
  expect_parts(inspect(SD35_SOURCE_DIR "/tests/golden/gguf/container.gguf", false, true),
               {"(GGUF layout)", " in 15 tensors, ", " q4_k "});
}

TEST_F(Inspect, AnythingElse) {
  put_file(folder_ / "words.txt", "cat\ndog\n");
  EXPECT_EQ(inspect(folder_ / "words.txt"),
            (folder_ / "words.txt").string() + " (text, which begins 'cat')\n");
  EXPECT_EQ(report(tiny_model() / "vae/config.json").at("kind").get<std::string>().substr(0, 5), "JSON,");
  EXPECT_NE(error([&] { inspect(folder_ / "none"); }).find("no such file or folder"), std::string::npos);
  // In place of weights it is an error, as for generate().
  put_file(folder_ / "bad.safetensors", "restricted");
  expect_parts(error([&] { inspect(folder_ / "bad.safetensors"); }),
               {"bad.safetensors: it is text, which begins 'restricted'"});
  put_file(folder_ / "x.ckpt", std::string("PK\x03\x04 archive/data.pkl"));
  expect_parts(error([&] { inspect(folder_ / "x.ckpt"); }), {"PyTorch", "convert it to safetensors"});
}

}  // namespace
}  // namespace sd35
