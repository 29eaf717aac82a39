// LoRAs of a request: beside the weights of a model that stays in memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "ops/ops.h"
#include "sd35/sd35.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/pipeline/bf16_model.h"

namespace sd35 {
namespace {

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
  if (weight != 0) options.loras = {{kTinyLora, weight}};
  return options;
}

int largest_difference(const Picture& a, const Picture& b) {
  int most = 0;
  for (std::size_t i = 0; i < a.rgb.size(); ++i) most = std::max(most, std::abs(a.rgb[i] - b.rgb[i]));
  return most;
}

TEST(AdapterTest, OfARequestIsThatOfTheModel) {
  LoadOptions merged = kept();
  merged.loras = {{kTinyLora, 0.8}};
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

Picture draw(const LoadOptions& load, const GenerateOptions& options, const Callbacks& callbacks = {}) {
  return Pipeline::from_pretrained(bf16_model().string(), load).generate(options, callbacks).at(0);
}

// Within the largest limit that has the denoiser's blocks read for each step.
Picture draw_streamed(LoadOptions load, const GenerateOptions& options) {
  std::vector<MemoryStage> plan;
  Callbacks callbacks;
  callbacks.on_memory_plan = [&](const std::vector<MemoryStage>& stages) { plan = stages; };
  load.max_memory = 4'000'000'000;
  draw(load, options, callbacks);
  load.max_memory = plan.at(1).bytes;
  Picture picture;
  while (plan.at(1).mode.find("streamed") == std::string::npos) {
    load.max_memory = load.max_memory * 999 / 1000;
    picture = draw(load, options, callbacks);
  }
  return picture;
}

TEST(AdapterTest, StreamedBlocksHaveItToo) {
  for (const char* dtype : {"f32", "bf16"}) {
    LoadOptions load;
    load.dtype = dtype;
    const Picture resident = draw(load, request(1));
    EXPECT_TRUE(draw_streamed(load, request(1)).rgb == resident.rgb) << dtype;
    EXPECT_GT(largest_difference(resident, draw(load, request())), 4) << dtype;
  }
}

TEST(AdapterTest, PackedWeightsHaveItToo) {
  const TemporaryFolder folder;
  for (const char* quantize : {"", "int8", "nf4"}) {
    LoadOptions load;
    load.dtype = "f32";
    load.quantize = quantize;
    const Picture expected = draw(load, request(1)), without = draw(load, request());
    load.packed = folder / "packed";
    EXPECT_TRUE(draw(load, request(1)).rgb == expected.rgb) << quantize << ", packed on the way";
    EXPECT_TRUE(draw(load, request(1)).rgb == expected.rgb) << quantize << ", found packed";
    EXPECT_TRUE(draw(load, request()).rgb == without.rgb)
        << quantize << ": what is packed is the model alone";
  }
  LoadOptions load;
  load.dtype = "f32";
  const Picture expected = draw(load, request(1));
  load.packed = folder / "packed";
  EXPECT_TRUE(draw_streamed(load, request(1)).rgb == expected.rgb);
}

TEST(AdapterTest, PicturesDrawnTogetherAreThoseDrawnAlone) {
  constexpr int kPictures = 5;
  for (const char* dtype : {"f32", "bf16"})
    for (const char* quantize : {"", "int8", "nf4"}) {
      LoadOptions load = kept(quantize);
      load.dtype = dtype;
      const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), load);
      GenerateOptions options = request(1);
      options.count = kPictures;
      int together = 0;
      Callbacks callbacks;
      callbacks.on_progress = [&](const Progress& progress) {
        if (progress.stage == Stage::denoise) together = std::max(together, progress.pictures);
        return true;
      };
      const std::vector<Picture> pictures = pipeline.generate(options, callbacks);
      EXPECT_EQ(together, make_native_ops(DType::f32)->rows_are_independent() ? kPictures : 1);
      options.count = 1;
      for (const Picture& picture : pictures) {
        EXPECT_TRUE(picture.rgb == pipeline.generate(options).at(0).rgb)
            << dtype << " " << quantize << ", seed " << options.seed;
        ++options.seed;
      }
    }
}

TEST(AdapterTest, IsInTheRecipe) {
  const Picture picture =
      Pipeline::from_pretrained(bf16_model().string(), kept()).generate(request(0.5)).at(0);
  EXPECT_NE(picture.metadata.at(1).second.find(R"("loras":[{"path":")" + kTinyLora), std::string::npos);
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
