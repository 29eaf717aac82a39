// Prompt files, the arithmetic of reports, and the folder of one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "evaluation/evaluate.h"
#include "evaluation/report.h"
#include "image/psnr.h"
#include "lab/drawing/scene_renderer.h"
#include "lab/scoring/word_reader.h"
#include "options/option_json.h"
#include "options/options.h"
#include "tests/support/option_examples.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

std::vector<EvaluationPrompt> prompts_in(const std::string& text) {
  const TemporaryFolder folder;
  std::ofstream(folder / "prompts") << text;
  return read_prompts(folder / "prompts");
}

TEST(PromptFileTest, DrawsTheSceneThatAPromptWasMadeFrom) {
  SceneRenderer renderer;
  for (std::size_t kind = 0; kind < kScoredKinds; ++kind) {
    SceneOptions options;
    options.split = Split::heldout;
    options.mix.fill(0);
    options.mix[kind] = 1;
    const Scene scene = sample_scene(3, kind, options);
    const EvaluationPrompt prompt = prompts_in(evaluation_prompt_json(scene) + "\n").at(0);
    EXPECT_EQ(prompt.text, scene.caption);
    EXPECT_EQ(prompt.kind, scene.kind);
    ASSERT_TRUE(prompt.scene);
    EXPECT_EQ(renderer.render(*prompt.scene, 64, 64).image, renderer.render(scene, 64, 64).image)
        << scene.caption;
  }
}

TEST(PromptFileTest, TakesPlainText) {
  const std::vector<EvaluationPrompt> prompts = prompts_in("a cat\n\na dog\r\n");
  ASSERT_EQ(prompts.size(), 2U);
  EXPECT_EQ(prompts[1].text, "a dog");
  EXPECT_FALSE(prompts[1].kind);
}

TEST(PromptFileTest, RefusesWhatItCannotScore) {
  for (const char* line :
       {"{", R"({"kind": "words", "expect": {"words": ["a"]}})",
        R"({"prompt": "a", "kind": "hybrid", "expect": {}})",
        R"({"prompt": "a", "kind": "thing", "expect": {"thing": "no such thing"}})",
        R"({"prompt": "a", "kind": "shape", "expect": {"shape": "circle", "colour": "mauve"}})",
        R"({"prompt": "a", "kind": "shape", "expect": {"shape": "blob", "colour": "red"}})",
        R"({"prompt": "a", "kind": "colour", "expect": {"thing": "violin", "colour": "red"}})",
        R"({"prompt": "a", "kind": "words", "expect": {"words": []}})",
        R"({"prompt": "a", "kind": "words", "expect": {"words": ["a"]},
               "scene": {"kind": "words", "items": [], "background_rgb": [1, 2, 3], "layout_seed": 0}})"}) {
    EXPECT_THROW(prompts_in(line), FileError) << line;
  }
  EXPECT_THROW(prompts_in(""), FileError);
}

TEST(PromptFileTest, RefusesWhatIsTooDeepOrContradictsItself) {
  constexpr int deep = 1'000'000;  // written out again, once for each level of the stack
  EXPECT_THROW(prompts_in(R"({"prompt": "a", "kind": "thing", "expect": {"thing": "cat"}, "scene": )" +
                          std::string(deep, '[') + std::string(deep, ']') + "}"),
               FileError);
  EXPECT_THROW(prompts_in(R"({"prompt": "a", "prompt": "b"})"), FileError);
  EXPECT_THROW(
      prompts_in(
          R"({"prompt": "a", "kind": "thing", "expect": {"thing": "cat"}, "scene": )"
          R"({"kind": "hybrid", "items": [{"thing": "cat"}], "background_rgb": [1, 2, 3], "layout_seed": 0}})"),
      FileError);
  EXPECT_THROW(prompts_in(R"({"prompt": "a", "kind": "count", "expect": {"thing": "cat", "count": 1e30}})"),
               FileError);
}

TEST(EditDistanceTest, CountsLetters) {
  EXPECT_EQ(edit_distance("Hello", "hELLO"), 0);
  EXPECT_EQ(edit_distance("helo", "hello"), 1);
  EXPECT_EQ(edit_distance("", "hello"), 5);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
}

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
  std::ofstream(folder / "prompts") << "a cat\na dog\na cow\n";
  EvaluationOptions options;
  options.prompts = {folder / "prompts"};
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
