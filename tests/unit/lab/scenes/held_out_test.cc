#include "lab/scenes/held_out.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>
#include <set>

#include "lab/scenes/things.h"
#include "lab/scenes/words.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kScenes = 50'000;

std::set<std::string> combinations_of(Split split) {
  SceneOptions options;
  options.split = split;
  std::set<std::string> lines;
  for (std::uint64_t index = 0; index < kScenes; ++index)
    for (const std::string& line : combinations(sample_scene(21, index, options))) lines.insert(line);
  return lines;
}

std::string sort_of(const std::string& line) { return line.substr(0, line.find(' ')); }

TEST(HeldOut, TrainingSeesNothingOfIt) {
  std::map<std::string, int> seen;
  for (const std::string& line : combinations_of(Split::train)) {
    EXPECT_FALSE(is_held_out(line)) << line;
    ++seen[sort_of(line)];
  }
  EXPECT_EQ(seen.size(), 10u);  // every sort occurred
  EXPECT_GT(seen["word"], 5'000);
}

// Read from the scenes themselves, bypassing combinations().
TEST(HeldOut, NoWordOfATrainingSignIsHeldOut) {
  std::set<std::string> words;
  for (std::uint64_t index = 0; index < kScenes; ++index) {
    const Scene scene = sample_scene(22, index, {});
    if (!scene.sign) continue;
    for (std::string word : scene.sign->words) {
      std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::tolower(c); });
      EXPECT_FALSE(is_held_out("word " + word)) << scene.caption;
      words.insert(word);
    }
  }
  // Training sees nearly all words of the dictionary that are not held out.
  const auto known =
      std::ranges::count_if(dictionary(), [&](auto word) { return words.contains(std::string(word)); });
  EXPECT_GT(known, 0.85 * static_cast<double>(dictionary().size()));
}

TEST(HeldOut, WhatItTestsIsHeldOut) {
  const std::map<SceneKind, std::string> sorts = {{SceneKind::words, "word"},
                                                  {SceneKind::thing, "background"},
                                                  {SceneKind::colour, "colour"},
                                                  {SceneKind::shape, "colour"},
                                                  {SceneKind::position, "position"},
                                                  {SceneKind::count, "count"},
                                                  {SceneKind::background, "background"},
                                                  {SceneKind::hybrid, "hybrid"},
                                                  {SceneKind::wearing, "wearing"},
                                                  {SceneKind::holding, "holding"},
                                                  {SceneKind::standing, "standing"}};
  SceneOptions options;
  options.split = Split::heldout;
  options.mix.fill(1);
  for (std::uint64_t index = 0; index < 3'000; ++index) {
    const Scene scene = sample_scene(23, index, options);
    int about = 0;
    for (const std::string& line : combinations(scene)) {
      if (sort_of(line) != sorts.at(scene.kind)) continue;
      EXPECT_TRUE(is_held_out(line)) << line << " of: " << scene.caption;
      ++about;
    }
    EXPECT_GT(about, 0) << scene.caption;
  }
}

TEST(HeldOut, EightPercentOfEverySort) {
  std::map<std::string, std::pair<int, int>> counts;
  for (const std::string_view word : dictionary()) {
    ++counts["word"].second;
    counts["word"].first += is_held_out("word " + std::string(word));
  }
  for (const std::string_view shape : shape_names())
    for (const NamedColour& colour : named_colours()) {
      ++counts["colour"].second;
      counts["colour"].first += is_held_out("colour " + std::string(shape) + " " + std::string(colour.name));
    }
  for (const Thing& a : all_things())
    for (const Thing& b : all_things()) {
      ++counts["position"].second;
      counts["position"].first +=
          is_held_out("position " + std::string(a.name) + " above " + std::string(b.name));
    }
  for (const auto& [sort, count] : counts) {
    const double n = count.second, p = kHeldOutPercent / 100.0;
    EXPECT_NEAR(count.first, n * p, 4 * std::sqrt(n * p * (1 - p))) << sort;
  }
}

// What was held out once stays held out: models are compared over years.
TEST(HeldOut, TheRuleDoesNotChange) {
  EXPECT_TRUE(is_held_out("sign capybara hello world"));
  EXPECT_FALSE(is_held_out("sign dog hello world"));
}

TEST(HeldOut, TheReadmesPromptIsHeldOutAndItsWordsAreNot) {
  Scene scene;
  scene.kind = SceneKind::words;
  scene.items = {{.name = "capybara"}};
  scene.sign = Sign{.words = {"Hello", "World"}};
  EXPECT_FALSE(fits_split(scene, Split::train));
  scene.items = {{.name = "dog"}};
  EXPECT_TRUE(fits_split(scene, Split::train));
}

TEST(Combinations, DoNotDependOnTheWording) {
  Scene scene;
  scene.kind = SceneKind::position;
  scene.items = {{.name = "dog"}, {.name = "star", .shape = true, .colour = "red"}};
  const auto lines = [&](Relation relation) {
    scene.relation = relation;
    return combinations(scene);
  };
  const std::vector<std::string> left = lines(Relation::left_of), above = lines(Relation::above);
  EXPECT_EQ(left, (std::vector<std::string>{"colour star red", "position dog left of star"}));
  EXPECT_EQ(above.back(), "position dog above star");
  std::swap(scene.items[0], scene.items[1]);
  EXPECT_EQ(lines(Relation::right_of), left);
  EXPECT_EQ(lines(Relation::below), above);
}

TEST(Combinations, NameEverythingThatCanBeNew) {
  Scene scene;
  scene.kind = SceneKind::count;
  scene.items = {{.name = "balloon", .colour = "blue"}};
  scene.count = 3;
  scene.background.name = "beach";
  EXPECT_EQ(combinations(scene),
            (std::vector<std::string>{"colour balloon blue", "background balloon beach", "count balloon 3"}));
  scene.items[0].colour = thing_named("balloon").colour;  // by nature: nothing new
  scene.count = 1;
  scene.background.name = "";
  EXPECT_EQ(combinations(scene), std::vector<std::string>{});

  scene = {};
  scene.kind = SceneKind::words;
  scene.items = {{.name = "capybara"}};
  scene.sign = Sign{.words = {"Hello", "WORLD"}};
  EXPECT_EQ(combinations(scene),
            (std::vector<std::string>{"word hello", "word world", "sign capybara hello world"}));
}

}  // namespace
}  // namespace sd35
