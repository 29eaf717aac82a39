// Scenes that are drawn as asked for are recognized; scenes that show something else are not.
#include <gtest/gtest.h>

#include "lab/drawing/emoji_font.h"
#include "lab/drawing/scene_renderer.h"
#include "lab/scoring/appearance.h"
#include "lab/scoring/score.h"

namespace sd35 {
namespace {

class ScorerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { table_ = std::make_unique<AppearanceTable>(); }
  static void TearDownTestSuite() { table_.reset(); }

  Score score(const Scene& scene, const ScenePrompt& prompt) {
    return scorer_.score(renderer_.render(scene, 128, 128).image, prompt);
  }
  bool passes(const Scene& scene, const ScenePrompt& prompt) {
    const Score result = score(scene, prompt);
    return !result.checks.empty() && result.checks[0].second;
  }

  static std::unique_ptr<AppearanceTable> table_;
  Scorer scorer_{*table_};
  SceneRenderer renderer_;
};
std::unique_ptr<AppearanceTable> ScorerTest::table_;

Scene scene_of(SceneKind kind, std::vector<Item> items) {
  Scene scene;
  scene.kind = kind;
  scene.items = std::move(items);
  scene.layout_seed = 5;
  return scene;
}

ScenePrompt prompt_of(SceneKind kind, std::vector<Item> items) {
  ScenePrompt prompt;
  prompt.kind = kind;
  prompt.items = std::move(items);
  return prompt;
}

const Item kRedCircle{.name = "circle", .shape = true, .colour = "red"};
const Item kBlueCircle{.name = "circle", .shape = true, .colour = "blue"};
const Item kBlueStar{.name = "star", .shape = true, .colour = "blue"};
const Item kCat{.name = "cat"};
const Item kApple{.name = "apple"};
const Item kGreenCar{.name = "car", .colour = "green"};
const Item kBlueCar{.name = "car", .colour = "blue"};

TEST_F(ScorerTest, ReadsWords) {
  Scene scene = scene_of(SceneKind::words, {});
  scene.sign = Sign{.words = {"Lantern"}};
  ScenePrompt prompt = prompt_of(SceneKind::words, {});
  prompt.words = {"lantern"};
  EXPECT_EQ(score(scene, prompt).seen, "Lantern");
  EXPECT_TRUE(passes(scene, prompt));
  prompt.words = {"lamplight"};
  EXPECT_FALSE(passes(scene, prompt));
  // One letter off is not exact.
  prompt.words = {"lanterm"};
  const Score near = score(scene, prompt);
  EXPECT_TRUE(near.checks[0].second);
  EXPECT_FALSE(near.checks[1].second);
}

TEST_F(ScorerTest, ReadsLightWordsOfAHeldSign) {
  Scene scene = scene_of(SceneKind::words, {{.name = "capybara"}});
  scene.sign = Sign{.words = {"River"}, .colour = "blue", .text_colour = "white"};
  ScenePrompt prompt = prompt_of(SceneKind::words, {});
  prompt.words = {"River"};
  EXPECT_EQ(score(scene, prompt).seen, "River");
}

// The scorers recognize the things of all styles, on their shadows.
TEST_F(ScorerTest, RecognizesThingsOfEachStyle) {
  std::vector<SpriteShares> styles = {kFluentOnly};
  if (EmojiFont::is_installed()) styles.push_back({0, 1});
  for (const SpriteShares& style : styles) {
    SceneRenderer renderer(style);
    for (const char* name : {"cat", "apple", "octopus", "capybara", "guitar", "bus", "balloon", "robot"}) {
      const Image image = renderer.render(scene_of(SceneKind::thing, {{.name = name}}), 128, 128).image;
      EXPECT_EQ(scorer_.score(image, prompt_of(SceneKind::thing, {{.name = name}})).seen, name) << style[1];
    }
  }
}

TEST_F(ScorerTest, NamesColours) {
  const Scene scene = scene_of(SceneKind::colour, {kGreenCar});
  EXPECT_TRUE(passes(scene, prompt_of(SceneKind::colour, {kGreenCar})));
  EXPECT_FALSE(passes(scene, prompt_of(SceneKind::colour, {kBlueCar})));
}

TEST_F(ScorerTest, NamesShapes) {
  const Scene scene = scene_of(SceneKind::shape, {kBlueStar});
  EXPECT_TRUE(passes(scene, prompt_of(SceneKind::shape, {kBlueStar})));
  EXPECT_FALSE(passes(scene, prompt_of(SceneKind::shape, {kBlueCircle})));
}

TEST_F(ScorerTest, KnowsThings) {
  const Scene scene = scene_of(SceneKind::thing, {kCat});
  EXPECT_TRUE(passes(scene, prompt_of(SceneKind::thing, {kCat})));
  EXPECT_FALSE(passes(scene, prompt_of(SceneKind::thing, {kApple})));
}

TEST_F(ScorerTest, SeesWhatIsWhere) {
  Scene scene = scene_of(SceneKind::position, {kCat, kRedCircle});
  ScenePrompt prompt = prompt_of(SceneKind::position, {kCat, kRedCircle});
  for (const Relation drawn : {Relation::left_of, Relation::right_of, Relation::above, Relation::below}) {
    for (const Relation asked : {Relation::left_of, Relation::right_of, Relation::above, Relation::below}) {
      scene.relation = drawn;
      prompt.relation = asked;
      EXPECT_EQ(passes(scene, prompt), drawn == asked)
          << relation_name(drawn) << " drawn, " << relation_name(asked) << " asked";
    }
  }
  // Swapped, and something else.
  scene.relation = prompt.relation = Relation::left_of;
  EXPECT_FALSE(passes(scene, prompt_of(SceneKind::position, {kRedCircle, kCat})));
  EXPECT_FALSE(passes(scene, prompt_of(SceneKind::position, {kCat, kBlueStar})));
}

TEST_F(ScorerTest, Counts) {
  Scene scene = scene_of(SceneKind::count, {kApple});
  ScenePrompt prompt = prompt_of(SceneKind::count, {kApple});
  for (int drawn = 1; drawn <= 4; ++drawn) {
    for (int asked = 1; asked <= 4; ++asked) {
      scene.count = drawn;
      prompt.count = asked;
      EXPECT_EQ(passes(scene, prompt), drawn == asked) << drawn << " drawn, " << asked << " asked";
    }
  }
}

TEST_F(ScorerTest, NamesBackgrounds) {
  Scene scene = scene_of(SceneKind::background, {kApple});
  ScenePrompt prompt = prompt_of(SceneKind::background, {});
  for (const char* name : {"beach", "night", "forest", "purple"}) {
    const auto colour = find_colour(name);
    scene.background = {name, colour ? colour->rgb : Rgb{}};
    prompt.background = name;
    EXPECT_TRUE(passes(scene, prompt)) << name;
    prompt.background = "green";
    EXPECT_FALSE(passes(scene, prompt)) << name;
  }
}

TEST_F(ScorerTest, SaysNothingOfPlainPrompts) {
  EXPECT_TRUE(score(scene_of(SceneKind::thing, {kCat}), {}).checks.empty());
}

TEST_F(ScorerTest, OneColourAllOverShowsNothing) {
  const Image blank{64, 64, std::vector<std::uint8_t>(3 * 64 * 64, 200)};
  ScenePrompt words = prompt_of(SceneKind::words, {});
  words.words = {"word"};
  ScenePrompt count = prompt_of(SceneKind::count, {kApple});
  count.count = 2;
  for (const ScenePrompt& prompt :
       {words, count, prompt_of(SceneKind::thing, {kCat}), prompt_of(SceneKind::shape, {kBlueStar}),
        prompt_of(SceneKind::colour, {kGreenCar}), prompt_of(SceneKind::position, {kCat, kApple})}) {
    for (const auto& [check, passed] : scorer_.score(blank, prompt).checks) EXPECT_FALSE(passed) << check;
  }
}

}  // namespace
}  // namespace sd35
