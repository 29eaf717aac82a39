// Batches that a transformer learns from: windows, short texts, mixed stages.
#include "train/objectives/transformer_objective.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_model.h"
#include "tests/unit/train/learning.h"
#include "train/samples/batches.h"

namespace sd35::train {
namespace {

constexpr int kPictures = 128;  // pixels per side: 8 x 8 tokens

class WindowBatches : public ::testing::Test {
 protected:
  WindowBatches() : files_(ModelFiles::open(tiny_model().string())) {
    std::filesystem::create_directory(folder_ / "data");
    write_colours(folder_ / "data", kPictures);
    // The first three have text, right of the middle.
    for (int i = 0; i < 3; ++i)
      put_file(folder_ / "data" / (std::to_string(i) + ".json"),
               R"({"boxes": [{"name": "text", "box": [70, 40, 40, 20]}],
                   "letters": [{"letter": "I", "index": 0, "word": 0, "line": 0, "box": [70, 40, 12, 20]},
                               {"letter": "n", "index": 1, "word": 0, "line": 0, "box": [90, 40, 20, 20]}]})");
    config_.data = (folder_ / "data").string();
    config_.dtype = "f32";
    config_.flow.position_crop = 0;
    config_.seed = 4;
    config_.stages = {{.steps = 400, .batch_size = 4, .resolutions = {kPictures}, .max_sequence_length = 40}};
  }

  std::unique_ptr<TransformerObjective> objective() {
    return std::make_unique<TransformerObjective>(config_, files_, folder_ / "cache", OnMessage());
  }
  FlowBatch prepared(TransformerObjective& objective, std::int64_t step) const {
    const MicroBatch batch = objective.batches()->at(step, 0, config_.settings_of(step).batch_size);
    return std::any_cast<FlowBatch>(prepare_batch(objective, batch, StepRandom(config_.seed, step)));
  }
  static double loss_of(Objective& objective, const FlowBatch& batch) {
    const auto ops = make_torch_ops(DType::f32);
    const auto weights = ModelFiles::open(tiny_model().string()).weights(Component::transformer);
    const ParameterStore store(objective, weights.get(), *ops, 0, "cpu");
    std::map<std::string, double> figures;
    return objective.loss(*ops, batch, figures).item<double>();
  }
  std::string error_of_objective() {
    try {
      objective()->batches();
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  TemporaryFolder folder_;
  ModelFiles files_;
  TrainConfig config_;
};

TEST_F(WindowBatches, AsLargeAsThePicturesAreThePictures) {
  const auto both = objective();
  const FlowBatch pictures = prepared(*both, 0);
  config_.stages[0].window = Windows{{{8, 8}}, false};
  const FlowBatch windows = prepared(*both, 0);
  EXPECT_TRUE(std::ranges::equal(pictures.clean.floats(), windows.clean.floats()));
  EXPECT_EQ(loss_of(*both, pictures), loss_of(*both, windows));
}

TEST_F(WindowBatches, NamesTheSampleThatTookAnUnreadableOnesPlace) {
  const auto both = objective();
  const auto batches = both->batches();
  MicroBatch batch = batches->at(0, 0, 4);
  const std::vector<std::int64_t> planned = batch.samples;
  put_file(folder_ / "data" / (std::to_string(planned[1]) + ".png"), "no longer a picture");
  both->prepare(batch, StepRandom(config_.seed, 0));
  EXPECT_EQ(batch.samples[0], planned[0]);
  EXPECT_EQ(batch.samples[1], batch.replacement(1, 0));
  EXPECT_NE(batch.samples[1], planned[1]);
}

TEST_F(WindowBatches, LieAboutTheTextWithItsPositions) {
  config_.stages[0].window = Windows{{{4, 3}, {3, 6}}, true};
  const auto windowed = objective();
  const std::int64_t side = 96, corner = (side - 8) / 2;
  std::set<std::int64_t> widths, lefts;
  for (std::int64_t step = 0; step < 12; ++step) {
    const FlowBatch batch = prepared(*windowed, step);
    const std::int64_t rows = batch.clean.dim(2) / 2, columns = batch.clean.dim(3) / 2;
    EXPECT_TRUE((columns == 4 && rows == 3) || (columns == 3 && rows == 6)) << columns << " x " << rows;
    widths.insert(columns);
    for (const PatchOrigin& origin : batch.origins) {
      // The text takes tokens 4 to 6 of rows 2 and 3.
      const std::int64_t left = origin.left - corner, top = origin.top - corner;
      EXPECT_TRUE(left <= 4 && left + columns >= 7) << left;
      EXPECT_TRUE(top <= 2 && top + rows >= 4) << top;
      lefts.insert(left);
    }
    const MicroBatch samples = windowed->batches()->at(step, 0, 4);
    EXPECT_LT(std::ranges::max(samples.samples), 3);  // those with text
  }
  EXPECT_EQ(widths.size(), 2u);
  EXPECT_GE(lefts.size(), 2u);
}

TEST_F(WindowBatches, HoldTheLatentsOfTheirPlace) {
  // Latents of no variance would be equal; with it, those of one picture at one place are near.
  const FlowBatch pictures = prepared(*objective(), 0);
  config_.stages[0].window = Windows{{{4, 4}}, false};
  const FlowBatch windows = prepared(*objective(), 0);
  const std::int64_t corner = (96 - 8) / 2;
  double here = 0, elsewhere = 0;
  for (std::int64_t b = 0; b < 4; ++b) {
    const PatchOrigin origin = windows.origins[static_cast<std::size_t>(b)];
    const std::int64_t top = 2 * (origin.top - corner), left = 2 * (origin.left - corner);
    for (std::int64_t c = 0; c < 16; ++c)
      for (std::int64_t y = 0; y < 8; ++y)
        for (std::int64_t x = 0; x < 8; ++x) {
          const auto whole_at = [&](std::int64_t row, std::int64_t column) {
            return pictures.clean.data<float>()[((b * 16 + c) * 16 + row) * 16 + column];
          };
          const float window = windows.clean.data<float>()[((b * 16 + c) * 8 + y) * 8 + x];
          here += std::pow(window - whole_at(top + y, left + x), 2);
          elsewhere += std::pow(window - whole_at((top + y + 7) % 16, (left + x + 5) % 16), 2);
        }
  }
  EXPECT_LT(here, elsewhere);
}

TEST_F(WindowBatches, OfAMixTakeTurns) {
  Stage& stage = config_.stages[0];
  Stage windows = stage, small = stage;
  windows.window = Windows{{{4, 3}}, true};
  windows.share = 0.6;
  small.resolutions = {64};
  small.batch_size = 2;
  small.share = 0.4;
  stage.mix = {windows, small};
  const auto mixed = objective();
  std::map<std::int64_t, int> counts;  // by batch
  for (std::int64_t step = 0; step < 100; ++step) ++counts[mixed->batches()->at(step, 0, 2).width];
  EXPECT_EQ(counts, (std::map<std::int64_t, int>{{64, 40}, {128, 60}}));
  for (std::int64_t step = 0; step < 10; ++step) {
    const FlowBatch batch = prepared(*mixed, step);
    if (batch.clean.dim(0) == 2)
      EXPECT_EQ(batch.clean.dim(3), 8);
    else
      EXPECT_EQ(batch.clean.shape(), (Shape{4, 16, 6, 8}));
  }
}

TEST_F(WindowBatches, TextsAreCutBehindTheLongest) {
  const auto pictures = objective();
  int cut_ones = 0;
  for (std::int64_t step = 0; step < 20; ++step) {
    config_.stages[0].trim_text = false;
    const FlowBatch whole = prepared(*pictures, step);
    config_.stages[0].trim_text = true;
    const FlowBatch batch = prepared(*pictures, step);
    const std::int64_t M = whole.prompt_embedding.dim(1), D = whole.prompt_embedding.dim(2),
                       kept = batch.prompt_embedding.dim(1);
    ASSERT_EQ(M, 77 + 40);
    EXPECT_EQ((kept - 77) % 8, 0);
    if (kept < M) ++cut_ones;
    for (std::int64_t b = 0; b < 4; ++b)
      EXPECT_TRUE(std::equal(batch.prompt_embedding.data<float>() + b * kept * D,
                             batch.prompt_embedding.data<float>() + (b + 1) * kept * D,
                             whole.prompt_embedding.data<float>() + b * M * D));
    EXPECT_TRUE(std::ranges::equal(whole.noise.floats(), batch.noise.floats()));
  }
  EXPECT_GT(cut_ones, 10);  // of 20, about sixteen
  EXPECT_LT(cut_ones, 20);
}

TEST_F(WindowBatches, WithoutAPlaceOrTextAreRefused) {
  config_.stages[0].window = Windows{{{16, 4}}, false};
  EXPECT_EQ(error_of_objective(),
            "stage 1: resolution 128 has pictures of 128 x 128 pixels; none of the window's shapes fits into "
            "them: add a smaller one, or take a larger resolution or smaller max_aspect");
  config_.stages[0].window = Windows{{{4, 4}}, true};
  for (int i = 0; i < 3; ++i) std::filesystem::remove(folder_ / "data" / (std::to_string(i) + ".json"));
  EXPECT_NE(error_of_objective().find("stage 1: 'text_only' windows need text"), std::string::npos)
      << error_of_objective();
}

}  // namespace
}  // namespace sd35::train
