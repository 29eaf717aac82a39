#include <nlohmann/json.hpp>

#include "sd35/sd35.h"
#include "tests/unit/weights/checkpoint.h"
#include "weights/safetensors.h"

namespace sd35 {
namespace {

class Inspect : public testing::Test {
 protected:
  Inspect() {
    Tensors t5 = make_t5();
    for (auto& [name, tensor] : t5) tensor = tensor.to(DType::bf16);
    write_safetensors(model_,
                      single_file(make_transformer(3, 2), make_vae({2, 4}), {}, make_clip(64, 2, true), t5));
  }

  TemporaryFolder folder_;
  const std::filesystem::path model_ = folder_ / "m.safetensors";
};

TEST_F(Inspect, ForAPerson) {
  const std::string text = inspect(model_);
  for (const std::string part :
       {"m.safetensors (original layout)\n", "transformer     SD3Transformer2DModel         3 layers   ",
        "vae             AutoencoderKL                 2 layers",
        "text_encoder_3  T5EncoderModel                2 layers", "KiB: bf16\n",
        "missing to generate: the weights of text_encoder, tokenizer/vocab.json (or "
        "tokenizer/tokenizer.json)"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_EQ(text.find("proj_out.weight"), std::string::npos);
  EXPECT_NE(inspect(model_, false, true).find("  proj_out.weight "), std::string::npos);
  EXPECT_NE(inspect(model_, false, true).find(" f32      [16, 8]\n"), std::string::npos);
}

TEST_F(Inspect, AsJson) {
  const nlohmann::json report = nlohmann::json::parse(inspect(model_, true, true));
  EXPECT_EQ(report.at("layout"), "original");
  const nlohmann::json& t5 = report.at("components").at("text_encoder_3");
  EXPECT_EQ(t5.at("class"), "T5EncoderModel");
  EXPECT_EQ(t5.at("layers"), 2);
  std::int64_t parameters = 0;
  for (const auto& [name, tensor] : make_t5()) parameters += tensor.numel();
  EXPECT_EQ(t5.at("parameters"), parameters);
  EXPECT_EQ(t5.at("bytes"), 2 * parameters);
  EXPECT_EQ(t5.at("types"), (nlohmann::json{{"bf16", parameters}}));
  EXPECT_EQ(t5.at("tensors").size(), make_t5().size());
  EXPECT_FALSE(report.at("components").contains("text_encoder"));
  EXPECT_NE(report.at("missing_to_generate"), "");
}

TEST_F(Inspect, AnySafetensorsFile) {
  write_safetensors(folder_ / "lora", {{"a\nb", numbered({2, 3})}}, {{"rank", "4"}});
  const std::string text = inspect(folder_ / "lora", false, true);
  for (const std::string part : {"(safetensors layout)", "6 parameters in 1 tensors, 24 B: f32", "a\\x0ab",
                                 "[2, 3]", "metadata 'rank': '4'"})
    EXPECT_NE(text.find(part), std::string::npos) << text;
  EXPECT_EQ(nlohmann::json::parse(inspect(folder_ / "lora", true)).at("metadata").at("rank"), "4");
  EXPECT_NE(file_error([&] { inspect(folder_ / "none"); }).find("no such file or folder"), std::string::npos);
  put_file(folder_ / "bad", "bad");
  EXPECT_NE(file_error([&] { inspect(folder_ / "bad"); }).find("no header"), std::string::npos);
}

TEST_F(Inspect, AnyGgufFile) {
  const std::string text = inspect(SD35_SOURCE_DIR "/tests/golden/gguf/container.gguf", false, true);
  for (const std::string part : {"(GGUF layout)", " in 15 tensors, ", " q4_k "})
    EXPECT_NE(text.find(part), std::string::npos) << text;
}

}  // namespace
}  // namespace sd35
