// Prompt files, and what is scored together.
#include "lab/scoring/prompt_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "lab/drawing/scene_renderer.h"
#include "lab/scoring/word_reader.h"
#include "tests/support/file_error.h"
#include "tests/support/temporary_folder.h"

namespace sd35 {
namespace {

std::vector<ScenePrompt> prompts_in(const std::string& text) {
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
    const ScenePrompt prompt = prompts_in(evaluation_prompt_json(scene) + "\n").at(0);
    EXPECT_EQ(prompt.text, scene.caption);
    EXPECT_EQ(prompt.kind, scene.kind);
    ASSERT_TRUE(prompt.scene);
    EXPECT_EQ(renderer.render(*prompt.scene, 64, 64).image, renderer.render(scene, 64, 64).image)
        << scene.caption;
  }
}

TEST(PromptFileTest, TakesPlainText) {
  const std::vector<ScenePrompt> prompts = prompts_in("a cat\n\na dog\r\n");
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

TEST(PromptFileTest, NamesTheFileAndTheLine) {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder / "prompts";
  const auto message = [&](const std::string& text) {
    std::ofstream(path) << text;
    return file_error(path, [&] { read_prompts(path); });
  };
  EXPECT_EQ(message(R"({"prompt": "a"})"
                    "\n"
                    R"({"kind": "words"})"),
            path.string() + ", line 2: key 'prompt' not found; docs/evaluation.md has what a line holds");
  EXPECT_TRUE(message("{").starts_with(path.string() + ", line 1: the prompt: not valid JSON"));
  EXPECT_TRUE(message("").starts_with(path.string()));
}

ScenePrompt prompt_with(SceneKind kind, const std::vector<std::string>& words = {}) {
  ScenePrompt prompt;
  prompt.kind = kind;
  prompt.words = words;
  return prompt;
}

TEST(GroupsTest, SignsOfTwoWordsAreScoredApart) {
  EXPECT_EQ(groups_of({ScenePrompt{}, prompt_with(SceneKind::words, {"Hello", "Wall"}),
                       prompt_with(SceneKind::shape), prompt_with(SceneKind::words, {"Cat"}),
                       prompt_with(SceneKind::words, {"Dog"})}),
            (std::vector<std::string>{"words", "two words", "shape"}));
  EXPECT_EQ(prompt_with(SceneKind::words, {"a", "b", "c", "d"}).group(), "4 words");
  EXPECT_EQ(ScenePrompt().group(), "");
}

}  // namespace
}  // namespace sd35
