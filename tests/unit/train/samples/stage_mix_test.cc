// Batches of several kinds in one stage, and windows: what the configuration says, whose turn it is, where
// windows lie.
#include "train/samples/stage_mix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "train/samples/window.h"
#include "train/train_config.h"

namespace sd35::train {
namespace {

TrainConfig read_stage(const std::string& stage, const std::string& keys = R"("task": "transformer")") {
  const TemporaryFolder folder;
  put_file(folder / "train.json",
           "{" + keys + R"(, "model": "m", "data": "pictures", "stages": [{)" + stage + "}]}");
  return TrainConfig::read(folder / "train.json");
}

std::string refusal_of(const std::string& stage, const std::string& keys = R"("task": "transformer")") {
  try {
    read_stage(stage, keys);
  } catch (const Error& error) {
    const std::string what = error.what();
    return what.substr(what.find("train.json: ") + 12);
  }
  return "no error";
}

TEST(StageMix, ElementsTakeWhatTheyDoNotSayFromTheStage) {
  const TrainConfig config = read_stage(
      R"("steps": 200, "batch_size": 128, "trim_text": true, "shift": 6, "mix": [
         {"share": 0.7, "resolutions": [256], "shift": 4, "window": {"shapes": ["16x4", "12x6"], "text_only": true}},
         {"share": 0.18, "resolutions": [256], "max_aspect": 2, "batch_size": 32},
         {"share": 0.12, "resolutions": [128, 192]}])");
  const std::span<const Stage> parts = parts_of(config.stages[0]);
  ASSERT_EQ(parts.size(), 3u);
  ASSERT_TRUE(parts[0].window.has_value());
  EXPECT_EQ(parts[0].window->shapes, (std::vector<ImageSize>{{16, 4}, {12, 6}}));
  EXPECT_TRUE(parts[0].window->text_only);
  EXPECT_EQ(parts[0].shift, 4);
  EXPECT_EQ(parts[0].batch_size, 128);
  EXPECT_FALSE(parts[1].window.has_value());
  EXPECT_EQ(parts[1].shift, 6);
  EXPECT_EQ(parts[1].batch_size, 32);
  EXPECT_TRUE(parts[2].trim_text);
  EXPECT_EQ(config.stages[0].resolutions, (std::vector<int>{256, 128, 192}));  // for validation
}

TEST(StageMix, WindowsOfAPartOfTheBatchesAreAMixOfTwo) {
  const TrainConfig config =
      read_stage(R"("steps": 100, "resolutions": [256], "window": {"share": 0.7, "shapes": ["8x8"]})");
  const std::span<const Stage> parts = parts_of(config.stages[0]);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_TRUE(parts[0].window.has_value());
  EXPECT_FALSE(parts[1].window.has_value());
  EXPECT_NEAR(parts[0].share, 0.7, 1e-12);
  // All of them: the stage itself.
  const TrainConfig all = read_stage(R"("steps": 100, "resolutions": [256], "window": {"shapes": ["8x8"]})");
  EXPECT_TRUE(all.stages[0].mix.empty());
  EXPECT_TRUE(all.stages[0].window.has_value());
  EXPECT_EQ(all.total_steps(), 100);
}

TEST(StageMix, OfAHundredStepsEachPartHasItsShare) {
  Stage stage{.steps = 1000};
  for (const double share : {0.7, 0.18, 0.12}) {
    stage.mix.emplace_back();
    stage.mix.back().share = share;
  }
  std::map<std::size_t, std::int64_t> counts;
  std::set<std::vector<std::size_t>> orders;
  std::vector<std::size_t> order;
  for (std::int64_t step = 0; step < 500; ++step) {
    const Turn turn = turn_of(stage, step, 3);
    EXPECT_EQ(turn.number, counts[turn.part]++) << "step " << step;  // none is left out or comes twice
    order.push_back(turn.part);
    if (order.size() < 100) continue;
    EXPECT_EQ(std::ranges::count(order, std::size_t{0}), 70);
    EXPECT_EQ(std::ranges::count(order, std::size_t{1}), 18);
    orders.insert(std::exchange(order, {}));
  }
  EXPECT_EQ(orders.size(), 5u);
  EXPECT_NE(turn_of(stage, 7, 3).number + turn_of(stage, 50, 3).number * 1000,
            turn_of(stage, 7, 4).number + turn_of(stage, 50, 4).number * 1000);
}

TEST(StageMix, WhatMakesNoSenseIsRefused) {
  EXPECT_EQ(refusal_of(R"("steps": 1, "mix": [{"share": 0.5, "resolutions": [64]}])"),
            "stage 1: 'mix' has shares whose sum is 0.500000; it must be 1");
  EXPECT_EQ(refusal_of(R"("steps": 1, "mix": [{"resolutions": [64]}])"),
            "stage 1: mix 1: 'share' is missing: of the stage's steps");
  EXPECT_EQ(refusal_of(R"("steps": 1, "mix": [{"share": 1}])"), "stage 1: mix 1: 'resolutions' is missing");
  EXPECT_EQ(refusal_of(R"("steps": 1, "resolutions": [64], "mix": [{"share": 1, "mix": []}])"),
            "stage 1: mix 1: 'mix' cannot lie in another");
  EXPECT_EQ(refusal_of(R"("steps": 1, "mix": [{"share": 1, "steps": 3, "resolutions": [64]}])").substr(0, 31),
            "stage 1: mix 1: unknown key 'st");
  EXPECT_EQ(
      refusal_of(R"("steps": 1, "resolutions": [64], "mix": [{"share": 1}], "window": {"shapes": ["4x4"]})"),
      "stage 1: 'window' belongs in the elements of 'mix'");
  EXPECT_EQ(
      refusal_of(R"("steps": 1, "resolutions": [64], "window": {"shapes": ["4 x 4"]})"),
      "stage 1: window: 'shapes' must be a list of window sizes: '4 x 4' is not a width x height in image "
      "tokens of 16 pixels, such as \"12x6\"");
  for (const char* shape : {"0x4", "4x", "4x4x4", "-4x4", "300x4", ""})
    EXPECT_NE(refusal_of(R"("steps": 1, "resolutions": [64], "window": {"shapes": [")" + std::string(shape) +
                         "\"]}")
                  .find("not a width x height"),
              std::string::npos)
        << shape;
  EXPECT_EQ(refusal_of(R"("steps": 1, "resolutions": [64], "window": {"share": 0.5})"),
            "stage 1: window: 'shapes' must name at least one, such as \"12x6\"");
  EXPECT_EQ(refusal_of(R"("steps": 1, "resolutions": [64], "trim_text": true)", R"("task": "autoencoder")"),
            "stage 1: 'trim_text' belongs to the tasks transformer and lora; 'task' is 'autoencoder'");
  EXPECT_EQ(refusal_of(R"("steps": 1, "mix": [{"share": 1}])", R"("task": "t5")"),
            "stage 1: 'mix' belongs to the tasks transformer, lora, autoencoder and clip; 'task' is 't5'");
}

TEST(LetterKeys, ThatMakeNoSenseAreRefused) {
  const std::string stage = R"("steps": 1, "resolutions": [64])";
  EXPECT_EQ(refusal_of(stage, R"("letter_weight": 0.3, "flip": true)"),
            "'flip' mirrors letters, which 'letter_weight' needs as they are");
  EXPECT_EQ(refusal_of(stage, R"("letter_until": 5)"),
            "'letter_until' is the last step of 'letter_weight', which is 0");
  EXPECT_EQ(refusal_of(stage, R"("task": "lora", "letter_weight": 0.3)"),
            "'letter_weight' belongs to the task transformer; 'task' is 'lora'");
  EXPECT_NE(refusal_of(stage, R"("letter_weight": -1)").find("letter_weight"), std::string::npos);
  EXPECT_EQ(refusal_of(stage, R"("letter_weight": 0.3, "letter_until": 5)"), "no error");
}

// Of 200 windows, each place's count.
std::map<std::pair<std::int64_t, std::int64_t>, int> places_of(ImageSize shape,
                                                               const std::optional<PictureBox>& text) {
  std::map<std::pair<std::int64_t, std::int64_t>, int> places;
  for (int i = 0; i < 200; ++i) {
    const TokenWindow window = place_window(shape, {16, 8, 16}, text, StepRandom(1, i).window(0));
    EXPECT_EQ(window.columns, shape.width);
    EXPECT_EQ(window.rows, shape.height);
    ++places[{window.left, window.top}];
  }
  return places;
}

TEST(WindowTest, HoldsTheTextAtAnyPlaceThatDoes) {
  // Pixels 100 to 150 are in tokens 6 to 9, 40 to 60 in 2 and 3.
  const auto places = places_of({6, 3}, PictureBox{100, 40, 50, 20});
  EXPECT_EQ(places.size(), 3u * 2u);
  for (const auto& [place, count] : places) {
    EXPECT_GE(place.first, 4);
    EXPECT_LE(place.first, 6);
    EXPECT_GE(place.second, 1);
    EXPECT_LE(place.second, 2);
    EXPECT_GT(count, 10);
  }
}

TEST(WindowTest, OfALongerTextHoldsNothingElse) {
  const auto places = places_of({4, 8}, PictureBox{40, 40, 120, 20});  // tokens 2 to 9
  EXPECT_EQ(places.size(), 5u);
  EXPECT_EQ(places.begin()->first.first, 2);
  EXPECT_EQ(places.rbegin()->first.first, 6);
}

TEST(WindowTest, StaysInThePicture) {
  EXPECT_EQ(places_of({6, 3}, PictureBox{-20, 100, 30, 60}).size(), 1u);  // in the lower left corner
  EXPECT_EQ(places_of({16, 8}, PictureBox{100, 40, 50, 20}).size(), 1u);
  for (const std::optional<PictureBox> none : {std::optional<PictureBox>(), {PictureBox{300, 0, 20, 20}}})
    EXPECT_EQ(places_of({14, 7}, none).size(), 3u * 2u);
}

TEST(WindowTest, TakesAShapeThatFits) {
  const Windows windows{{{16, 4}, {4, 16}, {6, 6}}, false};
  std::set<int> widths;
  for (int i = 0; i < 50; ++i) {
    SampleRandom random = StepRandom(1, i).batch();
    widths.insert(window_shape(windows, {16, 8, 16}, random)->width);
  }
  EXPECT_EQ(widths, (std::set{6, 16}));
  SampleRandom random(0, 0, 0);
  EXPECT_FALSE(window_shape(windows, {4, 4, 16}, random).has_value());
}

TEST(WindowTest, IsCutFromTheWhole) {
  Tensor moments({2, 4, 6}, DType::f32);
  for (std::int64_t i = 0; i < moments.numel(); ++i) moments.data<float>()[i] = static_cast<float>(i);
  const Tensor part = cut(moments, {1, 1, 2, 1}, 2);
  EXPECT_EQ(part.shape(), (Shape{2, 2, 4}));
  const std::vector<float> expected{14, 15, 16, 17, 20, 21, 22, 23, 38, 39, 40, 41, 44, 45, 46, 47};
  EXPECT_TRUE(std::ranges::equal(part.floats(), expected));
}

}  // namespace
}  // namespace sd35::train
