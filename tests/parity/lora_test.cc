// Pictures of the tiny random model with LoRAs against diffusers', in f32: files of diffusers and PEFT, of
// kohya and of `sd35 train`. The goldens are made by tools/reference/lora_goldens.py.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "core/error.h"
#include "sd35/sd35.h"
#include "tests/support/tensor_file.h"
#include "tests/support/tiny_model.h"

namespace sd35 {
namespace {

const std::filesystem::path kLoraGoldens =
    std::filesystem::path(SD35_SOURCE_DIR) / "tests" / "golden" / "lora";

LoraOptions golden_lora(const char* name, double weight = 1) { return {kLoraGoldens / name, weight}; }

// With the settings of the script.
Picture draw(std::vector<LoraOptions> loras) {
  LoadOptions load;
  load.dtype = "f32";
  load.loras = std::move(loras);
  GenerateOptions options;
  options.prompt = "A capybara holding a sign that reads Hello World";
  options.negative_prompt = "blurry";
  options.width = 160;
  options.height = 128;
  options.num_inference_steps = 8;
  options.guidance_scale = 4.5;
  options.max_sequence_length = 32;
  options.seed = 42;
  Pipeline pipeline = Pipeline::from_pretrained(tiny_model().string(), load);
  return pipeline.generate(options).at(0);
}

// Peak signal to noise ratio in dB to a picture that diffusers drew, [height, width, 3].
double psnr(const Picture& picture, const char* golden) {
  const Tensor reference = read_tensors(kLoraGoldens / "outputs.safetensors").at(golden);
  if (static_cast<std::size_t>(reference.numel()) != picture.rgb.size()) return 0;
  double squares = 0;
  for (std::size_t i = 0; i < picture.rgb.size(); ++i) {
    const double difference = double{1} * picture.rgb[i] - reference.data<std::uint8_t>()[i];
    squares += difference * difference;
  }
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(picture.rgb.size()) / squares);
}

// A LoRA that changed nothing would pass the others.
TEST(LoraParityTest, ThePictureWithoutIsAnother) {
  const Picture without = draw({});
  EXPECT_GE(psnr(without, "picture_without"), 50);
  for (const char* with : {"picture_peft", "picture_weight", "picture_both", "picture_trained"})
    EXPECT_LT(psnr(without, with), 35) << with;
}

TEST(LoraParityTest, FileOfDiffusers) {
  EXPECT_GE(psnr(draw({golden_lora("peft.safetensors")}), "picture_peft"), 50);
}

TEST(LoraParityTest, FileOfKohya) {
  EXPECT_GE(psnr(draw({golden_lora("kohya.safetensors")}), "picture_peft"), 50);
}

TEST(LoraParityTest, Weight) {
  EXPECT_GE(psnr(draw({golden_lora("kohya.safetensors", -0.5)}), "picture_weight"), 50);
}

TEST(LoraParityTest, SeveralAddUp) {
  EXPECT_GE(psnr(draw({golden_lora("peft.safetensors", 0.5), golden_lora("trained.safetensors", 0.75)}),
                 "picture_both"),
            50);
}

TEST(LoraParityTest, FileOfSd35Train) {
  EXPECT_GE(psnr(draw({golden_lora("trained.safetensors")}), "picture_trained"), 50);
}

}  // namespace
}  // namespace sd35
