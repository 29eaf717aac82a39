// Prompt files, the arithmetic of reports, and the folder of one.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "core/error.h"
#include "evaluation/evaluate.h"
#include "image/psnr.h"
#include "lab/drawing/scene_renderer.h"
#include "lab/scoring/word_reader.h"
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

// A report on three prompts by the tiny model at `model`.
EvaluationOptions three_prompts(const TemporaryFolder& folder) {
  std::ofstream(folder / "prompts") << "a cat\na dog\na cow\n";
  EvaluationOptions options;
  options.prompts = {folder / "prompts"};
  options.folder = folder / "report";
  options.contestants = {{"tiny", (folder / "model").string(), {}}};
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
  EXPECT_FALSE(std::filesystem::exists(options.folder / "report.json"));  // it speaks of the former
  EXPECT_EQ(evaluate(options, {}).columns.at(0).drawn_now, 2);
  EXPECT_EQ(evaluate(options, {}).columns.at(0).drawn_now, 0);
}

}  // namespace
}  // namespace sd35
