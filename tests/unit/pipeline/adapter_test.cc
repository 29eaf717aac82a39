// LoRAs of a request: beside the weights of a model that stays in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "sd35/sd35.h"
#include "tests/unit/pipeline/bf16_model.h"

namespace sd35 {
namespace {

const std::string kLora = std::string(SD35_SOURCE_DIR) + "/tests/golden/lora/peft.safetensors";

LoadOptions kept(const std::string& quantize = "") {
  LoadOptions load;
  load.dtype = "f32";
  load.quantize = quantize;
  load.keep = "all";
  return load;
}

GenerateOptions request(double weight = 0) {
  GenerateOptions options;
  options.prompt = "a red square";
  options.width = options.height = 48;
  options.num_inference_steps = 3;
  options.max_sequence_length = 16;
  if (weight != 0) options.loras = {{kLora, weight}};
  return options;
}

int largest_difference(const Picture& a, const Picture& b) {
  int most = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) most = std::max(most, std::abs(a.rgb[i] - b.rgb[i]));
  return most;
}

TEST(AdapterTest, OfARequestIsThatOfTheModel) {
  LoadOptions merged = kept();
  merged.loras = {{kLora, 0.8}};
  const Picture expected = Pipeline::from_pretrained(bf16_model().string(), merged).generate(request()).at(0);
  const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), kept());
  const Picture adapted = pipeline.generate(request(0.8)).at(0);
  EXPECT_LE(largest_difference(adapted, expected), 1);
  EXPECT_GT(largest_difference(adapted, pipeline.generate(request()).at(0)), 4);
}

TEST(AdapterTest, ComesAndGoesWithoutLoadingAnything) {
  for (const char* quantize : {"", "int8", "nf4"}) {
    const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), kept(quantize));
    const Picture without = pipeline.generate(request()).at(0);
    std::string loaded;
    Callbacks callbacks;
    callbacks.on_progress = [&](const Progress& progress) {
      loaded += progress.part;
      return true;
    };
    const Picture with = pipeline.generate(request(1), callbacks).at(0);
    const Picture other = pipeline.generate(request(-2), callbacks).at(0);
    EXPECT_EQ(loaded, "") << quantize;
    EXPECT_GT(largest_difference(with, without), 4) << quantize;
    EXPECT_GT(largest_difference(with, other), 4) << quantize;
    EXPECT_TRUE(pipeline.generate(request(1)).at(0).rgb == with.rgb) << quantize;
    EXPECT_TRUE(pipeline.generate(request()).at(0).rgb == without.rgb) << quantize;
  }
}

TEST(AdapterTest, StreamedBlocksHaveItToo) {
  std::vector<MemoryStage> plan;
  Callbacks callbacks;
  callbacks.on_memory_plan = [&](const std::vector<MemoryStage>& stages) { plan = stages; };
  LoadOptions load;
  load.dtype = "f32";
  load.max_memory = 4'000'000'000;
  const Picture resident =
      Pipeline::from_pretrained(bf16_model().string(), load).generate(request(1), callbacks).at(0);
  load.max_memory = plan.at(1).bytes;
  Picture streamed;
  while (plan.at(1).mode.find("streamed") == std::string::npos) {
    load.max_memory = load.max_memory * 999 / 1000;
    streamed = Pipeline::from_pretrained(bf16_model().string(), load).generate(request(1), callbacks).at(0);
  }
  EXPECT_TRUE(streamed.rgb == resident.rgb);
}

TEST(AdapterTest, IsInTheRecipe) {
  const Picture picture =
      Pipeline::from_pretrained(bf16_model().string(), kept()).generate(request(0.5)).at(0);
  EXPECT_NE(picture.metadata.at(1).second.find(R"("loras":[{"path":")" + kLora), std::string::npos);
}

TEST(AdapterTest, ThatIsMissingIsAnErrorBeforeAnythingIsEncoded) {
  GenerateOptions options = request();
  options.loras = {{"none.safetensors", 1}};
  Callbacks callbacks;
  callbacks.on_progress = [](const Progress&) -> bool { throw Error("too late"); };
  EXPECT_THROW(Pipeline::from_pretrained(bf16_model().string(), kept()).generate(options, callbacks),
               FileError);
}

}  // namespace
}  // namespace sd35
