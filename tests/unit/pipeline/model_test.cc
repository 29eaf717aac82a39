// One model for several pictures: what stays in memory between them, and what may happen at once.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/error.h"
#include "sd35/sd35.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/pipeline/bf16_model.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

LoadOptions keeping(const std::string& keep) {
  LoadOptions load;
  load.dtype = "f32";
  load.keep = keep;
  return load;
}

GenerateOptions request(std::uint64_t seed = 5) {
  GenerateOptions options;
  options.prompt = "a red square";
  options.width = options.height = 48;
  options.num_inference_steps = 2;
  options.guidance_scale = 4.5;
  options.max_sequence_length = 16;
  options.seed = seed;
  return options;
}

// The parts that a picture has loaded, in order.
std::string loaded_for_a_picture(const Pipeline& pipeline, Picture& picture) {
  std::string parts;
  Callbacks callbacks;
  callbacks.on_progress = [&](const Progress& progress) {
    if (progress.stage == Stage::load && progress.fraction == 0) parts += progress.part + " ";
    return true;
  };
  picture = pipeline.generate(request(), callbacks).at(0);
  return parts;
}

TEST(ModelTest, WhatIsKeptIsLoadedOnceAndChangesNoPicture) {
  const std::map<std::string, std::string> second{
      {"nothing", "transformer decoder "}, {"transformer", "decoder "}, {"all", ""}};
  Picture expected;
  for (const auto& [keep, parts] : second) {
    const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), keeping(keep));
    Picture first, again;
    EXPECT_EQ(loaded_for_a_picture(pipeline, first), "transformer decoder ") << keep;
    EXPECT_EQ(loaded_for_a_picture(pipeline, again), parts) << keep;
    if (expected.rgb.empty()) expected = first;
    EXPECT_TRUE(first.rgb == expected.rgb) << keep;
    EXPECT_TRUE(again.rgb == expected.rgb) << keep;
  }
}

// Reports of encoding in progress.
int encoding_reports(const Pipeline& pipeline, const std::string& prompt) {
  int reports = 0;
  Callbacks callbacks;
  callbacks.on_progress = [&](const Progress& progress) {
    reports += progress.stage == Stage::encode_prompt && progress.fraction > 0 && progress.fraction < 1;
    return true;
  };
  GenerateOptions options = request();
  options.prompt = prompt;
  pipeline.generate(options, callbacks);
  return reports;
}

TEST(ModelTest, WhatIsKeptEncodesAPromptOnce) {
  const Pipeline forgets = Pipeline::from_pretrained(bf16_model().string(), keeping("nothing"));
  const int reports = encoding_reports(forgets, "a red square");
  EXPECT_GT(reports, 0);
  EXPECT_EQ(encoding_reports(forgets, "a red square"), reports);
  for (const char* keep : {"transformer", "all"}) {
    const Pipeline pipeline = Pipeline::from_pretrained(bf16_model().string(), keeping(keep));
    EXPECT_GT(encoding_reports(pipeline, "a red square"), 0) << keep;
    EXPECT_GT(encoding_reports(pipeline, "a blue square"), 0) << keep;
    EXPECT_EQ(encoding_reports(pipeline, "a red square"), 0) << keep;
    EXPECT_EQ(encoding_reports(pipeline, "a blue square"), 0) << keep;
  }
}

TEST(ModelTest, WhatCannotBeKeptIsRefused) {
  EXPECT_THROW(Model::open(bf16_model().string(), keeping("everything")), ArgumentError);
}

TEST(ModelTest, PipelinesOfOneModelShareWhatItKeeps) {
  const Model model = Model::open(bf16_model().string(), keeping("all"));
  Picture picture;
  loaded_for_a_picture(Pipeline(model), picture);
  EXPECT_EQ(loaded_for_a_picture(Pipeline(model), picture), "");
}

TEST(ModelTest, AKeptModelNeedsItsFilesNoMore) {
  const TemporaryFolder folder;
  fs::copy(bf16_model(), folder / "m", fs::copy_options::recursive);
  const Pipeline pipeline = Pipeline::from_pretrained((folder / "m").string(), keeping("all"));
  const Picture first = pipeline.generate(request()).at(0);
  fs::remove_all(folder / "m");
  EXPECT_TRUE(pipeline.generate(request()).at(0).rgb == first.rgb);
}

// Below what everything that stays takes together, less stays, and a warning says so.
TEST(ModelTest, ALimitKeepsLess) {
  const auto plan_within = [](std::uint64_t limit, std::string& warnings) {
    LoadOptions load = keeping("all");
    load.max_memory = limit;
    std::vector<MemoryStage> plan;
    Callbacks callbacks;
    callbacks.on_memory_plan = [&](const std::vector<MemoryStage>& stages) { plan = stages; };
    callbacks.on_warning = [&](const std::string& warning) { warnings += warning; };
    callbacks.on_progress = [](const Progress&) { return false; };
    EXPECT_THROW(Pipeline::from_pretrained(bf16_model().string(), load).generate(request(), callbacks),
                 Cancelled);
    return plan;
  };
  std::string none, some;
  const std::vector<MemoryStage> all = plan_within(4'000'000'000, none);
  for (const MemoryStage& stage : all) EXPECT_NE(stage.mode.find("all stays"), stage.mode.npos) << stage.mode;
  EXPECT_EQ(none.find("max_memory"), none.npos) << none;
  const std::uint64_t most = std::ranges::max(all, {}, &MemoryStage::bytes).bytes;
  for (const MemoryStage& stage : plan_within(most - 1, some)) {
    EXPECT_EQ(stage.mode.find("all stays"), stage.mode.npos) << stage.mode;
    EXPECT_LT(stage.bytes, most);
  }
  EXPECT_NE(some.find("max_memory leaves"), some.npos) << some;
}

// Of several threads, each drawing its own seeds.
class SeveralThreads {
 public:
  explicit SeveralThreads(std::vector<Model> models) : models_(std::move(models)) {}

  void draw(int pictures) {
    std::map<std::uint64_t, std::vector<std::uint8_t>> expected;
    for (std::size_t t = 0; t < models_.size(); ++t)
      for (int i = 0; i < pictures; ++i) expected[seed_of(t, i)] = alone(seed_of(t, i));
    std::vector<std::thread> threads;
    for (std::size_t t = 0; t < models_.size(); ++t)
      threads.emplace_back([this, t, pictures, &expected] {
        const Pipeline pipeline(models_[t]);
        for (int i = 0; i < pictures; ++i)
          if (pipeline.generate(request(seed_of(t, i))).at(0).rgb != expected.at(seed_of(t, i))) ++different_;
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(different_, 0);
  }

 private:
  static std::uint64_t seed_of(std::size_t thread, int picture) {
    return 10 * thread + static_cast<std::uint64_t>(picture);
  }
  static std::vector<std::uint8_t> alone(std::uint64_t seed) {
    return Pipeline::from_pretrained(bf16_model().string(), keeping("nothing"))
        .generate(request(seed))
        .at(0)
        .rgb;
  }

  std::vector<Model> models_;
  std::atomic<int> different_ = 0;
};

TEST(ModelTest, TwoThreadsDrawWithOneModel) {
  for (const char* keep : {"nothing", "transformer", "all"}) {
    const Model model = Model::open(bf16_model().string(), keeping(keep));
    SeveralThreads({model, model}).draw(2);
  }
}

TEST(ModelTest, TwoThreadsDrawWithTwoModels) {
  SeveralThreads({Model::open(bf16_model().string(), keeping("transformer")),
                  Model::open(bf16_model().string(), keeping("nothing"))})
      .draw(2);
}

// One is stopped in the middle, perhaps while it loads what the other waits for.
TEST(ModelTest, StoppingOneThreadLeavesTheOtherAlone) {
  const std::vector<std::uint8_t> expected =
      Pipeline::from_pretrained(bf16_model().string(), keeping("nothing")).generate(request()).at(0).rgb;
  for (const Stage stage : {Stage::load, Stage::encode_prompt, Stage::denoise, Stage::decode}) {
    const Model model = Model::open(bf16_model().string(), keeping("transformer"));
    std::thread stopped([&] {
      Callbacks callbacks;
      callbacks.on_progress = [&](const Progress& progress) {
        return progress.stage != stage || progress.fraction < 0.5;
      };
      try {
        Pipeline(model).generate(request(), callbacks);
        EXPECT_EQ(stage, Stage::load) << "which the other thread may do for this one";
      } catch (const Cancelled&) {
      }
    });
    EXPECT_TRUE(Pipeline(model).generate(request()).at(0).rgb == expected) << static_cast<int>(stage);
    stopped.join();
  }
}

}  // namespace
}  // namespace sd35
