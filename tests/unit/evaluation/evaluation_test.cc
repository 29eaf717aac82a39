// The arithmetic of reports, and the folder of one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "evaluation/evaluate.h"
#include "evaluation/report.h"
#include "image/psnr.h"
#include "options/option_json.h"
#include "options/options.h"
#include "tests/support/option_examples.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

TEST(IntervalTest, IsWilsons) {
  const auto [low, high] = interval_of({"words", "", 8, 10});
  EXPECT_NEAR(low, 0.4902, 1e-4);
  EXPECT_NEAR(high, 0.9433, 1e-4);
}

TEST(PsnrTest, IsThatOfItsDefinition) {
  const Image black{2, 1, {0, 0, 0, 0, 0, 0}}, near{2, 1, {10, 10, 10, 10, 10, 10}};
  EXPECT_NEAR(psnr(black, near), 20 * std::log10(25.5), 1e-9);
  EXPECT_TRUE(std::isinf(psnr(black, black)));
  EXPECT_THROW(psnr(black, Image{1, 1, {0, 0, 0}}), ArgumentError);
}

// Of one picture.
Evaluation evaluation_of(const DrawnWith& with) {
  Evaluation evaluation;
  evaluation.prompts.resize(1);
  evaluation.columns.resize(1);
  evaluation.columns[0].pictures.resize(1);
  evaluation.columns[0].drawn_with = with;
  return evaluation;
}

// A report on three prompts by the tiny model at `model`.
EvaluationOptions three_prompts(const TemporaryFolder& folder) {
  EvaluationOptions options;
  options.prompts.resize(3);
  options.prompts[0].text = "a cat";
  options.prompts[1].text = "a dog";
  options.prompts[2].text = "a cow";
  options.folder = folder / "report";
  options.candidates = {{"tiny", (folder / "model").string(), {}}};
  options.generate.width = options.generate.height = 16;
  options.generate.num_inference_steps = 1;
  return options;
}

void save_model(const std::filesystem::path& path, std::uint64_t seed) {
  std::filesystem::remove_all(path);
  RandomModelOptions options;
  options.seed = seed;
  make_random_model(options, path);
}

TEST(EvaluateTest, ARunThatStopsAmongOtherWeightsLeavesNoPicturesOfTheFormer) {
  const TemporaryFolder folder;
  const EvaluationOptions options = three_prompts(folder);
  save_model(folder / "model", 1);
  write_report(options.folder, evaluate(options, {}));

  save_model(folder / "model", 2);
  const EvaluationProgress one_picture = [](const std::string&, std::size_t, std::size_t) { return false; };
  EXPECT_THROW(evaluate(options, one_picture), Cancelled);
  EXPECT_FALSE(std::filesystem::exists(options.folder / "report.json"));  // it describes the former model
  EXPECT_EQ(evaluate(options, {}).columns.at(0).drawn_now, 2);
  EXPECT_EQ(evaluate(options, {}).columns.at(0).drawn_now, 0);
}

// An earlier run in "before", drawn with `earlier`; the warnings of one that is compared with it.
std::vector<std::string> warnings_beside(const DrawnWith& earlier, const DrawnWith& now) {
  const TemporaryFolder folder;
  save_model(folder / "model", 1);
  EvaluationOptions options = three_prompts(folder);
  const auto drawn_with = [&](const DrawnWith& with) {
    options.candidates[0].load = with.load;
    options.generate = with.generate;
    options.generate.num_inference_steps = with.generate.num_inference_steps.value_or(1);
    options.generate.width = with.generate.width.value_or(16);
    options.generate.height = 16;
  };
  drawn_with(earlier);
  options.folder = folder / "before";
  write_report(options.folder, evaluate(options, {}));
  drawn_with(now);
  options.folder = folder / "report";
  options.compare = {folder / "before"};
  std::vector<std::string> warnings;
  Callbacks callbacks;
  callbacks.on_warning = [&](const std::string& warning) { warnings.push_back(warning); };
  const Evaluation evaluation = evaluate(options, {}, callbacks);
  EXPECT_EQ(evaluation.columns.at(1).label, "before-tiny");
  EXPECT_EQ(evaluation.columns.at(1).drawn_with->load.dtype, earlier.load.dtype);
  return warnings;
}

TEST(EvaluateTest, WarnsOfEarlierPicturesThatWereDrawnWithOtherOptions) {
  DrawnWith earlier, now;
  EXPECT_TRUE(warnings_beside(earlier, now).empty());
  now.load.threads = 1;         // which changes no picture
  now.load.dtype = "bfloat16";  // the default by another name
  EXPECT_TRUE(warnings_beside(earlier, now).empty());
  now.load.quantize = "int8";
  now.generate.num_inference_steps = 2;
  now.generate.skip_layer_guidance.layers = {1};
  const std::vector<std::string> warnings = warnings_beside(earlier, now);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0],
            "the pictures of 'before-tiny' were drawn with other options than those of 'tiny': "
            "generate.num_inference_steps 1 instead of 2; generate.skip_layer_guidance.layers the default "
            "instead of '[1]'; load.quantize the default instead of 'int8'");
}

TEST(EvaluateTest, RefusesEarlierPicturesOfAnotherSize) {
  DrawnWith earlier;
  earlier.generate.width = 32;
  EXPECT_THROW(warnings_beside(earlier, {}), ArgumentError);
}

TEST(EvaluateTest, DrawsNothingAgainWhateverATypeIsCalled) {
  const TemporaryFolder folder;
  save_model(folder / "model", 1);
  EvaluationOptions options = three_prompts(folder);
  options.candidates[0].load.dtype = "float32";
  EXPECT_EQ(evaluate(options, {}).columns.at(0).drawn_now, 3);
  EXPECT_EQ(evaluate(options, {}).columns.at(0).drawn_now, 0);
}

// Knows of the second prompt only: that it asks for a picture of one grey, which the number of the prompt
// says.
class Greys : public Scoring {
 public:
  bool has_example(std::size_t prompt) const override { return prompt == 1; }
  void check_example_size(int width, int height) const override {
    if (width != height) throw ArgumentError("greys are square");
  }
  std::unique_ptr<ExampleDrawer> example_drawer() const override {
    struct Drawer : ExampleDrawer {
      ExamplePicture draw(std::size_t prompt, int width, int height) override {
        return {grey(prompt, width, height), 5};
      }
    };
    return std::make_unique<Drawer>();
  }
  std::function<std::unique_ptr<PictureScorer>()> scorer_maker() const override {
    struct GreyScorer : PictureScorer {
      PictureScore score(const Image& picture, std::size_t prompt) override {
        if (prompt != 1) return {};
        return {{{"grey", picture == grey(prompt, picture.width, picture.height)}}, "a picture"};
      }
    };
    return [] { return std::make_unique<GreyScorer>(); };
  }

 private:
  static Image grey(std::size_t prompt, int width, int height) {
    return {width, height,
            std::vector<std::uint8_t>(static_cast<std::size_t>(3 * width * height),
                                      static_cast<std::uint8_t>(100 + prompt))};
  }
};

TEST(EvaluateTest, DrawsAndScoresWithWhatItIsGiven) {
  const TemporaryFolder folder;
  save_model(folder / "model", 1);
  EvaluationOptions options = three_prompts(folder);
  options.seeds = 2;
  options.prompts[1].kind = options.prompts[1].group = "grey";
  options.groups = {"grey"};
  options.scoring = std::make_shared<Greys>();
  const Evaluation evaluation = evaluate(options, {});
  ASSERT_EQ(evaluation.columns.size(), 2u);
  const Column &drawn = evaluation.columns[0], &model = evaluation.columns[1];
  EXPECT_EQ(drawn.label, "drawn");
  ASSERT_EQ(drawn.pictures.size(), 6u);
  for (std::size_t i = 0; i < 6; ++i)
    EXPECT_EQ(drawn.pictures[i].file, i == 2 ? "pictures/drawn/grey-00003.png" : "") << i;
  EXPECT_EQ(drawn.pictures[2].capitals, 5);
  EXPECT_EQ(model.pictures[3].file, "pictures/tiny/grey-00004.png");
  EXPECT_EQ(model.pictures[4].file, "pictures/tiny/prompt-00005.png");
  EXPECT_TRUE(model.pictures[4].score.checks.empty());
  EXPECT_EQ(model.pictures[3].score.seen, "a picture");
  const std::vector<Total> of_examples = totals_of(evaluation, drawn),
                           of_model = totals_of(evaluation, model);
  ASSERT_EQ(of_examples.size(), 1u);
  EXPECT_EQ(of_examples[0].passed, 1);
  EXPECT_EQ(of_examples[0].pictures, 1);
  ASSERT_EQ(of_model.size(), 1u);
  EXPECT_EQ(of_model[0].passed, 0);
  EXPECT_EQ(of_model[0].pictures, 2);

  options.generate.width = 32;
  EXPECT_THROW(evaluate(options, {}), ArgumentError);
  options.drawn = false;
  EXPECT_EQ(evaluate(options, {}).columns.size(), 1u);
}

// A report that names all options, each with its example.
TEST(ReportTest, SaysEveryOptionThatChangesPictures) {
  DrawnWith with;
  std::vector<std::string> places;
  const auto choose = [&]<class Options>(Options& options, const std::string& group) {
    visit_defaults<Options>([&](const Option& option, const auto& /*standard*/) {
      options_from_json(object_with(option, example_of(option)), options);
      if (option.recorded) places.push_back(group + std::string(option.name));
    });
  };
  choose(with.load, "load.");
  choose(with.generate, "generate.");
  std::ranges::sort(places);

  std::vector<std::string> chosen;
  for (const auto& [place, value] : chosen_options(with)) chosen.push_back(place);
  EXPECT_EQ(chosen, places);
  for (const std::string& place : places) {
    EXPECT_NE(report_html(evaluation_of(with)).find(place + " "), std::string::npos) << place;
  }
  const auto column = nlohmann::json::parse(report_json(evaluation_of(with))).at("columns").at(0);
  EXPECT_EQ(chosen_options(drawn_with_from_json(column)), chosen_options(with));
}

TEST(ReportTest, ValuesThatDifferBehindALongBeginningAreDifferent) {
  DrawnWith one, other;
  one.generate.negative_prompt = std::string(5000, 'x') + "a";
  other.generate.negative_prompt = std::string(5000, 'x') + "b";
  EXPECT_EQ(differences(one, one), "");
  EXPECT_NE(differences(one, other), "");
  EXPECT_LT(differences(one, other).size(), 2000u);
}

}  // namespace
}  // namespace sd35
