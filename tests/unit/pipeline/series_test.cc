// Several pictures of one run: when each is delivered, and what is left of a run that ends early. Once with
// transformer and decoder in memory together, once with one after the other.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string>

#include "core/error.h"
#include "ops/ops.h"
#include "sd35/sd35.h"
#include "tests/support/poison.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/pipeline/bf16_model.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

GenerateOptions several(int count) {
  GenerateOptions options;
  options.prompt = "a red square";
  options.width = options.height = 48;
  options.num_inference_steps = 2;
  options.guidance_scale = 1;
  options.max_sequence_length = 16;
  options.seed = 5;
  options.count = count;
  return options;
}

Pipeline open_limited(std::uint64_t limit = 0, const fs::path& path = bf16_model()) {
  LoadOptions load;
  load.dtype = "f32";
  load.max_memory = limit;
  return Pipeline::from_pretrained(path.string(), load);
}

// The stages of several pictures within a limit.
std::vector<MemoryStage> plan_within(std::uint64_t limit) {
  std::vector<MemoryStage> plan;
  Callbacks callbacks;
  callbacks.on_memory_plan = [&](const std::vector<MemoryStage>& stages) { plan = stages; };
  callbacks.on_progress = [](const Progress&) { return false; };
  EXPECT_THROW(open_limited(limit).generate(several(2), callbacks), Cancelled);
  return plan;
}

// What is drawn alone, by seed.
const Picture& alone(std::uint64_t seed) {
  static std::map<std::uint64_t, Picture> known;
  if (!known.contains(seed)) {
    GenerateOptions options = several(1);
    options.seed = seed;
    known[seed] = open_limited().generate(options).at(0);
  }
  return known[seed];
}

class SeriesTest : public testing::TestWithParam<bool> {
 protected:
  SeriesTest() {
    constexpr std::uint64_t kPlenty = 4'000'000'000;
    const std::vector<MemoryStage> together = plan_within(kPlenty);
    // One byte less than what both take.
    limit_ = GetParam() ? kPlenty : std::ranges::max(together, {}, &MemoryStage::bytes).bytes - 1;
    const std::string expected =
        GetParam() ? "whole, beside the transformer" : "whole, 16 pictures at a time";
    EXPECT_EQ(plan_within(limit_).at(2).mode, expected);
    callbacks_.on_preview = [](const Picture&, int) {};  // so that they are drawn one by one
    callbacks_.on_picture = [this](const Picture& picture, int index) {
      taken_.emplace_back(index, picture);
    };
  }

  bool together() const { return GetParam(); }
  Pipeline pipeline() const { return open_limited(limit_); }
  // Checks that the first `count` came in order, each as it is alone.
  void expect_taken(std::size_t count) const {
    ASSERT_EQ(taken_.size(), count);
    for (std::size_t i = 0; i < count; ++i) {
      EXPECT_EQ(taken_[i].first, static_cast<int>(i));
      EXPECT_TRUE(taken_[i].second.rgb == alone(5 + i).rgb) << i;
    }
  }

  std::uint64_t limit_ = 0;
  Callbacks callbacks_;
  std::vector<std::pair<int, Picture>> taken_;
};

TEST_P(SeriesTest, EachPictureIsTakenOnceAndNoneIsReturned) {
  EXPECT_TRUE(pipeline().generate(several(3), callbacks_).empty());
  expect_taken(3);
}

TEST_P(SeriesTest, WithoutATakerAllAreReturned) {
  const std::vector<Picture> pictures = pipeline().generate(several(3));
  ASSERT_EQ(pictures.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(pictures[i].rgb == alone(5 + i).rgb) << i;
    EXPECT_NE(pictures[i].metadata.at(1).second.find("\"seed\":" + std::to_string(5 + i)), std::string::npos);
    EXPECT_NE(pictures[i].metadata.at(1).second.find("\"count\":1"), std::string::npos);
  }
}

TEST_P(SeriesTest, WeightsAreLoadedAsSeldomAsThePlanAllows) {
  std::string parts;
  callbacks_.on_progress = [&](const Progress& progress) {
    if (progress.stage == Stage::load && progress.fraction == 0) parts += progress.part + " ";
    return true;
  };
  pipeline().generate(several(18), callbacks_);
  expect_taken(18);
  const std::string once = "transformer decoder ";
  EXPECT_EQ(parts, together() ? once : once + once);
}

// Asked to stop in the middle of the third picture.
TEST_P(SeriesTest, AnInterruptionDeliversWhatIsDenoised) {
  bool asked = false;
  callbacks_.on_progress = [&](const Progress& progress) {
    asked = asked || (progress.stage == Stage::denoise && progress.picture == 2 && progress.fraction > 0.4);
    return !asked;
  };
  EXPECT_THROW(pipeline().generate(several(5), callbacks_), Cancelled);
  expect_taken(2);
}

TEST_P(SeriesTest, AnInterruptionWhileDecodingDeliversWhatIsDenoised) {
  callbacks_.on_progress = [&](const Progress& progress) { return progress.stage != Stage::decode; };
  EXPECT_THROW(pipeline().generate(several(3), callbacks_), Cancelled);
  expect_taken(together() ? 1 : 3);
}

TEST_P(SeriesTest, WithoutATakerAnInterruptionDecodesNothing) {
  bool asked = false;
  Callbacks callbacks;
  callbacks.on_preview = callbacks_.on_preview;
  callbacks.on_progress = [&](const Progress& progress) {
    EXPECT_FALSE(asked);
    asked = progress.stage == Stage::denoise && progress.picture == 2;
    return !asked;
  };
  EXPECT_THROW(pipeline().generate(several(5), callbacks), Cancelled);
}

struct AtOnce {};

TEST_P(SeriesTest, AThrowFromACallbackStopsAtOnce) {
  int reports_after = -1;
  callbacks_.on_progress = [&](const Progress& progress) -> bool {
    if (reports_after >= 0 || (progress.stage == Stage::denoise && progress.picture == 2)) {
      ++reports_after;
      throw AtOnce();
    }
    return true;
  };
  EXPECT_THROW(pipeline().generate(several(5), callbacks_), AtOnce);
  expect_taken(together() ? 2 : 0);
  EXPECT_LE(reports_after, 1);
}

TEST_P(SeriesTest, WhatOnPictureThrowsStopsAtOnce) {
  callbacks_.on_picture = [&](const Picture& picture, int index) {
    taken_.emplace_back(index, picture);
    if (index == 1) throw FileError("no space left");
  };
  EXPECT_THROW(pipeline().generate(several(4), callbacks_), FileError);
  expect_taken(2);
}

TEST_P(SeriesTest, AnErrorOfALaterPictureDeliversWhatIsDenoised) {
  callbacks_.on_preview = [&, previews = 0](const Picture&, int) mutable {
    if (++previews == 6) throw AtOnce();  // the last step of the third
  };
  EXPECT_THROW(pipeline().generate(several(5), callbacks_), AtOnce);
  expect_taken(2);
}

TEST_P(SeriesTest, APictureThatCannotBeDecodedDoesNotTakeTheOthersWithIt) {
  callbacks_.on_progress = [&](const Progress& progress) {
    if (progress.stage == Stage::decode && progress.picture == 1 && progress.fraction > 0.5)
      throw NumericError("decode: NaN");
    return true;
  };
  EXPECT_THROW(pipeline().generate(several(4), callbacks_), NumericError);
  std::vector<int> indices;
  for (const auto& [index, picture] : taken_) indices.push_back(index);
  EXPECT_EQ(indices, (std::vector{0, 2, 3}));
}

TEST_P(SeriesTest, SmallPicturesGoThroughTheTransformerTogether) {
  callbacks_.on_preview = nullptr;
  std::string batches;
  callbacks_.on_progress = [&](const Progress& progress) {
    if (progress.stage == Stage::denoise && progress.fraction == 1)
      batches += std::to_string(progress.picture) + "+" + std::to_string(progress.pictures) + " ";
    return true;
  };
  pipeline().generate(several(11), callbacks_);
  if (!make_native_ops(DType::f32)->rows_are_independent()) {
    EXPECT_TRUE(batches.starts_with("0+1 1+1 ")) << "together they would be different: " << batches;
  } else if (together()) {
    EXPECT_EQ(batches, "0+8 8+3 ");
  } else {  // fewer if memory is short
    EXPECT_TRUE(batches.starts_with("0+") && !batches.starts_with("0+1 ")) << batches;
  }
  expect_taken(11);
}

INSTANTIATE_TEST_SUITE_P(Plans, SeriesTest, testing::Bool(), [](const auto& info) {
  return info.param ? std::string("Together") : std::string("OneAfterTheOther");
});

// Weights that are streamed turn to NaN in their file while the third picture is drawn.
TEST(PictureRunTest, NaNInALaterPictureDeliversTheOnesBefore) {
  const TemporaryFolder folder;
  fs::copy(bf16_model(), folder / "m", fs::copy_options::recursive);
  const std::uint64_t resident = plan_within(4'000'000'000).at(1).bytes;
  std::uint64_t limit = resident;
  std::string mode = "resident";
  while (mode.find("streamed") == mode.npos) mode = plan_within(limit = limit * 999 / 1000).at(1).mode;
  int taken = 0;
  Callbacks callbacks;
  callbacks.on_picture = [&](const Picture& picture, int index) {
    EXPECT_EQ(index, taken);
    EXPECT_TRUE(picture.rgb == alone(5 + static_cast<std::uint64_t>(taken)).rgb);
    ++taken;
  };
  callbacks.on_progress = [&](const Progress& progress) {
    if (progress.stage == Stage::denoise && progress.picture == 2 && progress.fraction == 0)
      poison(folder / "m" / "transformer" / "diffusion_pytorch_model.safetensors",
             "transformer_blocks.2.attn.to_q.weight");
    return true;
  };
  EXPECT_THROW(open_limited(limit, folder / "m").generate(several(5), callbacks), NumericError);
  EXPECT_EQ(taken, 2);
}

}  // namespace
}  // namespace sd35
