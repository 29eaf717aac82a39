// The lists that scenes are made of: things, colours, words.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "core/error.h"
#include "lab/scenes/colours.h"
#include "lab/scenes/things.h"
#include "lab/scenes/words.h"

namespace sd35 {
namespace {

TEST(Things, NamesAndPicturesAreUnique) {
  std::set<std::string_view> names;
  std::set<char32_t> pictures;
  for (const Thing& thing : all_things()) {
    EXPECT_TRUE(names.insert(thing.name).second) << thing.name;
    if (!thing.synonym.empty()) {
      EXPECT_TRUE(names.insert(thing.synonym).second) << thing.synonym;
    }
    if (thing.emoji != 0) {
      EXPECT_TRUE(pictures.insert(thing.emoji).second) << thing.name;
    }
    EXPECT_EQ(&thing_named(thing.name), &thing);
  }
  for (const std::string_view shape : shape_names()) EXPECT_TRUE(names.insert(shape).second) << shape;
  EXPECT_THROW(thing_named("jackalope"), ArgumentError);
}

TEST(Things, TintedOnesHaveAColourByNature) {
  for (const Thing& thing : all_things())
    EXPECT_EQ(thing.can(kTinted), find_colour(thing.colour).has_value()) << thing.name;
}

TEST(Things, PluralsAndArticles) {
  EXPECT_EQ(plural("dog"), "dogs");
  EXPECT_EQ(plural("cherry"), "cherries");
  EXPECT_EQ(plural("monkey"), "monkeys");
  EXPECT_EQ(plural("fox"), "foxes");
  EXPECT_EQ(plural("peach"), "peaches");
  EXPECT_EQ(plural("mouse"), "mice");
  EXPECT_EQ(plural("slice of pizza"), "slices of pizza");
  EXPECT_EQ(article("apple"), "an");
  EXPECT_EQ(article("unicorn"), "a");
  EXPECT_EQ(article("hourglass"), "an");
  EXPECT_EQ(article("dog"), "a");
  EXPECT_FALSE(countable("scissors"));
  EXPECT_TRUE(countable("dog"));
}

TEST(Colours, EachIsNearestToItself) {
  for (const NamedColour& colour : named_colours()) {
    EXPECT_EQ(nearest_colour(colour.rgb).name, colour.name);
    EXPECT_EQ(find_colour(colour.name)->rgb, colour.rgb);
  }
  EXPECT_EQ(find_colour("grey")->name, "gray");
  EXPECT_FALSE(find_colour("teal").has_value());
  EXPECT_FALSE(find_colour("").has_value());
}

// The examples of Ottosson's article, by way of sRGB.
TEST(Colours, OklabOfThePrimaries) {
  const auto near = [](Rgb colour, float l, float a, float b) {
    const std::array<float, 3> lab = oklab(colour);
    EXPECT_NEAR(lab[0], l, 2e-4);
    EXPECT_NEAR(lab[1], a, 2e-4);
    EXPECT_NEAR(lab[2], b, 2e-4);
  };
  near({255, 255, 255}, 1, 0, 0);
  near({0, 0, 0}, 0, 0, 0);
  near({255, 0, 0}, 0.62796f, 0.22486f, 0.12585f);
  near({0, 255, 0}, 0.86644f, -0.23389f, 0.17950f);
  near({0, 0, 255}, 0.45201f, -0.03246f, -0.31153f);
  EXPECT_NEAR(colour_distance({0, 0, 0}, {255, 255, 255}), 1, 1e-4);
}

TEST(Words, TheDictionaryIsSortedAndLowercase) {
  EXPECT_GT(dictionary().size(), 1'000u);
  EXPECT_TRUE(std::ranges::is_sorted(dictionary()));
  EXPECT_EQ(std::ranges::adjacent_find(dictionary()), dictionary().end());
  for (const std::string_view word : dictionary()) {
    EXPECT_TRUE(word.size() >= 2 && word.size() <= 8) << word;
    EXPECT_TRUE(std::ranges::all_of(word, [](unsigned char c) { return std::islower(c) != 0; })) << word;
  }
}

TEST(Words, HaveTheLengthAskedFor) {
  SceneRandom random(41, 0);
  for (const WordSource source : {WordSource::dictionary, WordSource::invented, WordSource::random})
    for (std::size_t least = 2; least <= 8; ++least)
      for (std::size_t most = least; most <= 8; ++most)
        for (int i = 0; i < 50; ++i) {
          const std::string word = roll_word(random, source, least, most);
          EXPECT_TRUE(word.size() >= least && word.size() <= most) << word;
        }
  EXPECT_THROW(roll_word(random, WordSource::invented, 1, 5), ArgumentError);
  EXPECT_THROW(roll_word(random, WordSource::invented, 2, 9), ArgumentError);
  EXPECT_THROW(roll_word(random, WordSource::random, 5, 4), ArgumentError);
}

TEST(Words, RandomOnesHoldNoVowelsAndNothingAmbiguous) {
  SceneRandom random(42, 0);
  for (int i = 0; i < 2'000; ++i)
    EXPECT_EQ(roll_word(random, WordSource::random, 2, 8).find_first_of("AEIOU01"), std::string::npos);
}

TEST(DiceTest, StaysWithinItsBounds) {
  SceneRandom random(43, 0);
  std::array<int, 6> faces{};
  for (int i = 0; i < 60'000; ++i) ++faces.at(random.below(6));
  for (const int face : faces) EXPECT_NEAR(face, 10'000, 500);
  for (int i = 0; i < 1'000; ++i) {
    const double value = random.between(-2, 3);
    EXPECT_TRUE(value >= -2 && value < 3) << value;
  }
}

}  // namespace
}  // namespace sd35
