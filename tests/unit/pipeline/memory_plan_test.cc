// Pictures within a limit of memory: which plan is chosen, and that it draws what it should.
#include "pipeline/memory_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/error.h"
#include "pipeline/components.h"
#include "sd35/sd35.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

class MemoryPlanTest : public testing::Test {
 protected:
  MemoryPlanTest() {
    make_random_model({}, folder_ / "tiny");
    load_.dtype = "f32";
    options_.prompt = "a red square";
    options_.width = options_.height = 512;
    options_.num_inference_steps = 1;
    options_.guidance_scale = 4.5;
    options_.max_sequence_length = 16;
    components_.emplace(open_components((folder_ / "tiny").string(), load_));
    facts_.prompt_encoder = &components_->prompt_encoder;
    facts_.transformer_weights = components_->transformer_weights.get();
    facts_.transformer = &components_->transformer;
    facts_.vae = &components_->vae;
    facts_.compute_type = DType::f32;
    facts_.available = 64'000'000'000;
  }

  const MemoryStage& stage(const MemoryPlan& plan, std::size_t index) const { return plan.stages.at(index); }

  // The stage whose picture takes most.
  static std::uint64_t peak(const MemoryPlan& plan) {
    return std::ranges::max(plan.stages, {}, &MemoryStage::bytes).bytes;
  }

  Picture draw(std::uint64_t limit) {
    load_.max_memory = limit;
    stages_.clear();
    Callbacks callbacks;
    callbacks.on_memory_plan = [&](const std::vector<MemoryStage>& stages) { stages_ = stages; };
    return Pipeline::from_pretrained((folder_ / "tiny").string(), load_).generate(options_, callbacks).at(0);
  }

  TemporaryFolder folder_;
  LoadOptions load_;
  GenerateOptions options_;
  std::optional<Components> components_;
  MemoryFacts facts_;
  std::vector<MemoryStage> stages_;
};

TEST_F(MemoryPlanTest, WithoutALimitNothingChanges) {
  const MemoryPlan plan = plan_memory(facts_, options_, 0);
  EXPECT_FALSE(plan.streamed);
  EXPECT_FALSE(plan.one_prompt_a_pass);
  EXPECT_EQ(plan.tile, 0);
  ASSERT_EQ(plan.stages.size(), 3u);
  options_.width = options_.height = 64;
  draw(0);
  EXPECT_TRUE(stages_.empty());
}

TEST_F(MemoryPlanTest, UpdatedWeightsTakeACopyInF32WhileTheyAreLoaded) {
  options_.width = options_.height = 16;  // what is loaded is most of it
  options_.guidance_scale = options_.max_sequence_length = 1;
  facts_.compute_type = DType::bf16;  // as in the file
  const MemoryPlan without = plan_memory(facts_, options_, 0);
  load_.loras = {{std::filesystem::path(SD35_SOURCE_DIR) / "tests/golden/lora/kohya.safetensors"}};
  const Components updated = open_components((folder_ / "tiny").string(), load_);
  facts_.prompt_encoder = &updated.prompt_encoder;
  facts_.transformer_weights = updated.transformer_weights.get();
  const MemoryPlan with = plan_memory(facts_, options_, 0);
  EXPECT_GT(stage(with, 0).bytes, stage(without, 0).bytes);
  EXPECT_GT(stage(with, 1).bytes, stage(without, 1).bytes);
}

TEST_F(MemoryPlanTest, SeveralPicturesKeepTransformerAndDecoderTogetherWhereTheyFit) {
  const MemoryPlan one = plan_memory(facts_, options_, 0);
  EXPECT_FALSE(one.together);
  options_.count = 4;
  const MemoryPlan several = plan_memory(facts_, options_, 0);
  EXPECT_TRUE(several.together);
  EXPECT_EQ(stage(several, 1).mode, stage(one, 1).mode + ", beside the decoder");
  EXPECT_EQ(stage(several, 2).mode, stage(one, 2).mode + ", beside the transformer");
  EXPECT_GT(stage(several, 1).bytes, stage(one, 1).bytes);
  EXPECT_GT(stage(several, 2).bytes, stage(one, 2).bytes);
}

TEST_F(MemoryPlanTest, SeveralPicturesNeverChangeHowOneIsMade) {
  const MemoryPlan free = plan_memory(facts_, options_, 0);
  bool together = false, apart = false;
  for (std::uint64_t limit = 2 * peak(free); limit > stage(free, 0).bytes; limit = limit * 99 / 100) {
    options_.count = 1;
    MemoryPlan one;
    try {
      one = plan_memory(facts_, options_, limit);
    } catch (const ArgumentError&) {
      break;
    }
    options_.count = 1000;
    const MemoryPlan many = plan_memory(facts_, options_, limit);
    EXPECT_EQ(many.streamed, one.streamed);
    EXPECT_EQ(many.one_prompt_a_pass, one.one_prompt_a_pass);
    EXPECT_EQ(many.tile, one.tile);
    EXPECT_LE(peak(many), limit);
    (many.together ? together : apart) = true;
    if (!many.together) {
      EXPECT_EQ(peak(many), peak(one));
    }
  }
  EXPECT_TRUE(together);
  EXPECT_TRUE(apart);
}

TEST_F(MemoryPlanTest, WithoutALimitTheMachineDecidesWhatSeveralPicturesTake) {
  options_.count = 2;
  const std::uint64_t needed = peak(plan_memory(facts_, options_, 0));
  facts_.available = needed;  // to the last byte, with nothing left for anybody else
  const MemoryPlan apart = plan_memory(facts_, options_, 0);
  EXPECT_FALSE(apart.together);
  EXPECT_NE(stage(apart, 2).mode.find("16 pictures at a time"), std::string::npos) << stage(apart, 2).mode;
  facts_.available = needed * 3 / 2;
  EXPECT_TRUE(plan_memory(facts_, options_, 0).together);
  facts_.available = 0;  // unknown
  EXPECT_FALSE(plan_memory(facts_, options_, 0).together);
  EXPECT_FALSE(plan_memory(facts_, options_, 2 * needed).together);
}

TEST_F(MemoryPlanTest, TighterLimitsTakeSlowerPlansAndStayBelow) {
  std::uint64_t limit = 1'000'000'000;
  MemoryPlan last = plan_memory(facts_, options_, limit);
  int changes = 0;
  try {
    for (;; limit = limit * 99 / 100) {
      const MemoryPlan plan = plan_memory(facts_, options_, limit);
      for (std::size_t i = 0; i < plan.stages.size(); ++i) {
        EXPECT_LE(plan.stages[i].bytes, limit);
        EXPECT_LE(plan.stages[i].bytes, last.stages[i].bytes);
        changes += plan.stages[i].mode != last.stages[i].mode ? 1 : 0;
      }
      last = plan;
    }
  } catch (const ArgumentError& error) {
    EXPECT_NE(std::string(error.what()).find("does not fit"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("would do"), std::string::npos) << error.what();
  }
  EXPECT_GE(changes, 2);
}

TEST_F(MemoryPlanTest, TheDecoderKeepsFewerMapsBeforeItTakesTiles) {
  const VaeConfig full;  // of a size that is most of the memory
  facts_.vae = &full;
  facts_.decodes_in_bands = true;
  options_.width = options_.height = 1024;
  const auto modes = [&] {
    std::vector<std::string> modes;
    std::uint64_t limit = 8'000'000'000;
    try {
      for (;;) {
        const MemoryPlan plan = plan_memory(facts_, options_, limit);
        EXPECT_LE(stage(plan, 2).bytes, limit);
        EXPECT_TRUE(plan.tile == 0 || plan.kept == KeptMaps::all);
        modes.push_back(stage(plan, 2).mode);
        limit = stage(plan, 2).bytes - 1;
      }
    } catch (const ArgumentError&) {
    }
    return modes;
  };
  EXPECT_EQ(modes(),
            (std::vector<std::string>{"whole", "in bands, keeping two maps", "in bands, keeping one map",
                                      "in bands, keeping no map", "tiles of 256"}));
  facts_.decodes_in_bands = false;
  EXPECT_EQ(modes(), (std::vector<std::string>{"whole", "tiles of 512", "tiles of 256"}));
  facts_.decodes_in_bands = true;
  options_.width = 2048;
  options_.vae_tiling = true;
  EXPECT_EQ(modes(), (std::vector<std::string>{"tiles of 1024", "tiles of 512", "tiles of 256"}));
}

TEST_F(MemoryPlanTest, BandsDrawTheSameBytes) {
  options_.guidance_scale = 1;
  options_.width = 1024;
  const Picture whole = draw(0);
  facts_.decodes_in_bands = true;
  const MemoryPlan plan = plan_memory(facts_, options_, 0);
  const Picture bands = draw(stage(plan, 2).bytes - 1);
  EXPECT_TRUE(stages_.at(2).mode.starts_with("in bands")) << stages_.at(2).mode;
  EXPECT_EQ(bands.rgb, whole.rgb);
}

TEST_F(MemoryPlanTest, BiggerPicturesAndTypesTakeMore) {
  const MemoryPlan small = plan_memory(facts_, options_, 0);
  options_.width = 1024;
  const MemoryPlan wide = plan_memory(facts_, options_, 0);
  EXPECT_GT(stage(wide, 1).bytes, stage(small, 1).bytes);
  EXPECT_GT(stage(wide, 2).bytes, stage(small, 2).bytes);
  facts_.compute_type = DType::bf16;
  EXPECT_LT(stage(plan_memory(facts_, options_, 0), 1).bytes, stage(wide, 1).bytes);
}

TEST_F(MemoryPlanTest, APictureThatGoesInIsEncodedInAStageOfItsOwn) {
  options_.init.picture.path = "picture.png";
  const MemoryPlan whole = plan_memory(facts_, options_, 0);
  ASSERT_EQ(whole.stages.size(), 4u);
  EXPECT_EQ(whole.stages[3].stage, "encode picture");
  EXPECT_EQ(whole.encode_tile, 0);
  const MemoryPlan tight = plan_memory(facts_, options_, whole.stages[3].bytes - 1);
  EXPECT_GT(tight.encode_tile, 0);
  EXPECT_LT(tight.stages[3].bytes, whole.stages[3].bytes);
}

TEST_F(MemoryPlanTest, ReferencesAndSecondPassesAreMoreTokens) {
  const std::uint64_t plain = plan_memory(facts_, options_, 0).stages[1].bytes;
  options_.hires.scale = 2;
  const MemoryPlan larger = plan_memory(facts_, options_, 0);
  EXPECT_GT(larger.stages[1].bytes, plain);
  EXPECT_EQ(larger.stages.size(), 3u);  // latents are enlarged, nothing is encoded
  options_.hires.upscaler = "lanczos";
  EXPECT_EQ(plan_memory(facts_, options_, 0).stages.size(), 4u);
  options_.hires = {};
  options_.edit.path = "picture.png";
  EXPECT_GT(plan_memory(facts_, options_, 0).stages[1].bytes, plain);
}

TEST_F(MemoryPlanTest, StreamedBlocksDrawTheSameBytes) {
  options_.width = options_.height = 64;
  options_.guidance_scale = 1;
  const Picture resident = draw(0);
  const MemoryPlan plan = plan_memory(facts_, options_, 0);
  // Just too little to keep all blocks.
  const Picture streamed = draw(plan.stages[1].bytes - 1);
  EXPECT_EQ(stages_.at(1).mode, "streamed");
  EXPECT_EQ(resident.rgb, streamed.rgb);
}

TEST_F(MemoryPlanTest, OnePromptAfterTheOtherDrawsTheSameWithinRounding) {
  options_.width = options_.height = 64;
  const Picture both = draw(0);
  const MemoryPlan plan = plan_memory(facts_, options_, 0);
  const Picture one = draw(plan.stages[1].bytes - 1);
  EXPECT_EQ(stages_.at(1).mode, "resident, one prompt after the other");
  int largest = 0;
  for (std::size_t i = 0; i < both.rgb.size(); ++i)
    largest = std::max(largest, std::abs(both.rgb[i] - one.rgb[i]));
  EXPECT_LE(largest, 1);
}

TEST_F(MemoryPlanTest, TheLimitIsPartOfTheRecipeWhereThereIsOne) {
  options_.width = options_.height = 64;
  const auto recipe = [](const Picture& picture) { return picture.metadata.at(1).second; };
  EXPECT_EQ(recipe(draw(0)).find("max_memory"), std::string::npos);
  EXPECT_NE(recipe(draw(2'000'000'000)).find("\"max_memory\":2000000000"), std::string::npos);
}

TEST_F(MemoryPlanTest, WhatFitsInNoWayIsRefusedBeforeAnythingIsLoaded) {
  try {
    draw(4);  // meant as gigabytes
    ADD_FAILURE() << "drawn";
  } catch (const ArgumentError& error) {
    EXPECT_EQ(error.option(), "max_memory");
    EXPECT_TRUE(std::string(error.what()).starts_with("this does not fit in 4 bytes: ")) << error.what();
  }
}

}  // namespace
}  // namespace sd35
