#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "lab/scenes/scene.h"
#include "lab/scenes/things.h"

namespace sd35 {
namespace {

using Json = nlohmann::json;

SceneOptions only(SceneKind kind) {
  SceneOptions options;
  options.mix.fill(0);
  options.mix[static_cast<std::size_t>(kind)] = 1;
  return options;
}

// Everything in a scene.
std::string written(const Scene& scene) {
  return scene.caption + scene_json(scene) + std::to_string(scene.layout_seed);
}

TEST(SampleScene, IsAFunctionOfSeedAndIndex) {
  const SceneOptions options;
  for (std::uint64_t index = 0; index < 200; ++index) {
    const std::string scene = written(sample_scene(1, index, options));
    EXPECT_EQ(scene, written(sample_scene(1, index, options)));
    EXPECT_NE(scene, written(sample_scene(2, index, options)));
    EXPECT_NE(scene, written(sample_scene(1, index + 1, options)));
  }
}

// A data set that was described by its seed must come out the same in later versions and on other machines.
TEST(SampleScene, KeepsTheScenesOfASeed) {
  EXPECT_EQ(sample_scene(0, 0, {}).caption, "a wolf carrying a tomato");
  EXPECT_EQ(sample_scene(0, 1, {}).caption, "octopus, orange banner, \"Public Length\", white background");
  EXPECT_EQ(sample_scene(7, 123'456'789'012, {}).caption, "Frog, banner, \"donkey all\"");
  SceneOptions heldout;
  heldout.split = Split::heldout;
  EXPECT_EQ(sample_scene(0, 0, heldout).caption, "A lion wearing a t-shirt saying \"band\"");
}

TEST(SampleScene, KindsComeInTheirShares) {
  constexpr int kScenes = 20'000;
  const SceneOptions options;
  std::array<int, kSceneKinds> counts{};
  for (int i = 0; i < kScenes; ++i)
    ++counts[static_cast<std::size_t>(sample_scene(3, static_cast<std::uint64_t>(i), options).kind)];
  for (std::size_t kind = 0; kind < kSceneKinds; ++kind) {
    const double share = options.mix[kind];
    const double deviation = std::sqrt(kScenes * share * (1 - share));
    EXPECT_NEAR(counts[kind], kScenes * share, 5 * deviation)
        << scene_kind_name(static_cast<SceneKind>(kind));
  }
}

TEST(SampleScene, EachKindHasItsParts) {
  for (std::size_t number = 0; number < kSceneKinds; ++number) {
    const auto kind = static_cast<SceneKind>(number);
    for (const Split split : {Split::train, Split::heldout}) {
      SceneOptions options = only(kind);
      options.split = split;
      for (std::uint64_t index = 0; index < 200; ++index) {
        const Scene scene = sample_scene(5, index, options);
        ASSERT_EQ(scene.kind, kind);
        EXPECT_FALSE(scene.caption.empty());
        EXPECT_LE(scene.caption.size(), kLongestCaption);
        EXPECT_EQ(scene.sign.has_value(), kind == SceneKind::words);
        EXPECT_EQ(!scene.texture.empty(), kind == SceneKind::hybrid);
        if (kind == SceneKind::background) {
          EXPECT_FALSE(scene.background.name.empty());
        }
        if (kind == SceneKind::count) {
          EXPECT_TRUE(scene.count >= 1 && scene.count <= 4) << scene.count;
        }
        if (kind != SceneKind::count) {
          EXPECT_EQ(scene.count, 1);
        }
        const bool pair = kind == SceneKind::position || kind == SceneKind::wearing ||
                          kind == SceneKind::holding || kind == SceneKind::standing;
        if (kind != SceneKind::words) {
          EXPECT_EQ(scene.items.size(), pair ? 2u : 1u);
        }
        if (pair) {
          EXPECT_NE(scene.items[0].name, scene.items[1].name);
        }
        for (const Item& item : scene.items) {
          if (item.shape) {
            EXPECT_TRUE(std::ranges::count(shape_names(), item.name) == 1 && find_colour(item.colour));
          } else if (!item.colour.empty()) {
            EXPECT_TRUE(thing_named(item.name).can(kTinted) && find_colour(item.colour)) << item.name;
          }
        }
      }
    }
  }
}

TEST(SampleScene, NothingIsPaintedInTheColourBehindIt) {
  for (std::uint64_t index = 0; index < 20'000; ++index) {
    const Scene scene = sample_scene(6, index, {});
    for (const Item& item : scene.items) {
      if (item.colour.empty()) continue;
      EXPECT_NE(item.colour, scene.background.name) << scene.caption;
      if (scene.background.name.empty()) {
        EXPECT_NE(item.colour, "white") << scene.caption;
      }
    }
  }
}

TEST(SampleScene, KeepsToItsOptions) {
  SceneOptions options;
  options.common_things_only = true;
  options.plain_backgrounds_only = true;
  options.most_words = 2;
  options.shortest_word = 3;
  options.longest_word = 5;
  std::size_t most_words = 0, longest = 0, shortest = 99;
  for (std::uint64_t index = 0; index < 5'000; ++index) {
    const Scene scene = sample_scene(8, index, options);
    for (const Item& item : scene.items)
      if (!item.shape) {
        EXPECT_TRUE(thing_named(item.name).can(kCommon)) << item.name;
      }
    if (scene.kind != SceneKind::background) {
      EXPECT_EQ(scene.background.name, "") << scene.caption;
    }
    if (!scene.sign) continue;
    most_words = std::max(most_words, scene.sign->words.size());
    for (const std::string& word : scene.sign->words) {
      longest = std::max(longest, word.size());
      shortest = std::min(shortest, word.size());
    }
  }
  EXPECT_EQ(most_words, 2u);
  EXPECT_EQ(shortest, 3u);
  EXPECT_EQ(longest, 5u);
}

TEST(SampleScene, LongWordsStayLongOnFullSigns) {
  SceneOptions options = only(SceneKind::words);
  options.shortest_word = options.longest_word = 7;
  std::size_t most_words = 0;
  for (std::uint64_t index = 0; index < 500; ++index) {
    const Scene scene = sample_scene(9, index, options);
    most_words = std::max(most_words, scene.sign->words.size());
    for (const std::string& word : scene.sign->words) EXPECT_EQ(word.size(), 7u) << scene.caption;
  }
  EXPECT_EQ(most_words, 3u);
}

TEST(SampleScene, SignsAreLetteredAsAsked) {
  SceneOptions options = only(SceneKind::words);
  options.typefaces.fill(0);
  options.typefaces[static_cast<std::size_t>(typeface_named("lato"))] = 3;
  options.typefaces[static_cast<std::size_t>(typeface_named("quicksand"))] = 1;
  options.tracking = 0.05;
  options.fewest_words = options.most_words = 2;
  std::map<std::string_view, int> seen;
  constexpr int kSigns = 2'000;
  for (std::uint64_t index = 0; index < kSigns; ++index) {
    const Scene scene = sample_scene(11, index, options);
    ++seen[typefaces()[static_cast<std::size_t>(scene.sign->typeface)].name];
    EXPECT_EQ(scene.sign->tracking, 0.05);
    EXPECT_EQ(scene.sign->words.size(), 2u);
  }
  EXPECT_NEAR(seen["lato"], 0.75 * kSigns, 0.06 * kSigns);
  EXPECT_EQ(seen["lato"] + seen["quicksand"], kSigns);
}

// "hello" and "world" are not held out, a capybara that holds them is.
TEST(SampleScene, ATextIsSaidAsOftenAsAsked) {
  SceneOptions options = only(SceneKind::words);
  options.said = {{{"Hello", "World"}, 0.2}};
  constexpr int kSigns = 2'000;
  int said = 0;
  for (std::uint64_t index = 0; index < kSigns; ++index) {
    const Scene scene = sample_scene(12, index, options);
    if (scene.sign->words != options.said[0].words) continue;
    ++said;
    EXPECT_TRUE(scene.items.empty() || scene.items[0].name != "capybara");
  }
  EXPECT_NEAR(said, 0.2 * kSigns, 0.06 * kSigns);
}

TEST(SampleScene, WordsComeFromTheSourcesAsked) {
  SceneOptions options = only(SceneKind::words);
  options.word_sources = {0, 0, 1};
  bool lower = false, upper = false;
  for (std::uint64_t index = 0; index < 500; ++index) {
    const Scene scene = sample_scene(13, index, options);
    for (const std::string& word : scene.sign->words) {
      EXPECT_EQ(word.find_first_of("aeiouAEIOU"), word.npos) << word;
      lower = lower || word.find_first_of("bdgq") != word.npos;
      upper = upper || word.find_first_of("BDGQ") != word.npos;
    }
  }
  EXPECT_TRUE(lower && upper);
  for (const char* name : {"dictionary", "invented", "random"}) EXPECT_NO_THROW(word_source_from_name(name));
  EXPECT_THROW(word_source_from_name("books"), ArgumentError);
  EXPECT_THROW(typeface_named("comic-sans"), ArgumentError);
}

TEST(SampleScene, RefusesOptionsOutOfRange) {
  const auto refuses = [](auto change, const std::string& message) {
    SceneOptions options;
    change(options);
    try {
      sample_scene(0, 0, options);
      ADD_FAILURE() << "accepted, which should say: " << message;
    } catch (const ArgumentError& error) {
      EXPECT_EQ(error.what(), message);
    }
  };
  const std::string shares = "the mix of kinds needs shares from 0 up, at least one above 0";
  refuses([](SceneOptions& o) { o.mix.fill(0); }, shares);
  refuses([](SceneOptions& o) { o.mix[0] = -0.1; }, shares);
  refuses([](SceneOptions& o) { o.mix[0] = NAN; }, shares);
  refuses([](SceneOptions& o) { o.mix[0] = INFINITY; }, shares);
  refuses([](SceneOptions& o) { o.most_words = 0; }, "a sign has 1 to 3 words, not 1 to 0");
  refuses([](SceneOptions& o) { o.most_words = 4; }, "a sign has 1 to 3 words, not 1 to 4");
  refuses([](SceneOptions& o) { o.fewest_words = 3, o.most_words = 2; },
          "a sign has 1 to 3 words, not 3 to 2");
  refuses([](SceneOptions& o) { o.typefaces.fill(0); },
          "the mix of typefaces needs shares from 0 up, at least one above 0");
  refuses([](SceneOptions& o) { o.word_sources[1] = NAN; },
          "the mix of sources of words needs shares from 0 up, at least one above 0");
  refuses([](SceneOptions& o) { o.tracking = NAN; }, "the tracking must be from 0 to 1 font sizes");
  refuses(
      [](SceneOptions& o) {
        o.said = {{{"a"}, 0.6}, {{"b"}, 0.6}};
      },
      "the shares of texts on the signs are more than 1 together");
  refuses(
      [](SceneOptions& o) {
        o.said = {{{"a"}, NAN}};
      },
      "the share of a text on the signs must be above 0");
  refuses(
      [](SceneOptions& o) {
        o.said = {{{}, 0.5}};
      },
      "a sign that says the same again and again has 1 to 3 words, not 0");
  refuses([](SceneOptions& o) { o.shortest_word = 1; }, "words have 2 to 8 letters, not 1 to 8");
  refuses([](SceneOptions& o) { o.longest_word = 9; }, "words have 2 to 8 letters, not 2 to 9");
  refuses([](SceneOptions& o) { o.shortest_word = 6, o.longest_word = 5; },
          "words have 2 to 8 letters, not 6 to 5");
}

TEST(SampleScene, AKindOfShareZeroNeverComes) {
  SceneOptions options;
  options.mix.fill(0);
  options.mix[3] = 1e-9;
  for (std::uint64_t index = 0; index < 1'000; ++index)
    EXPECT_EQ(sample_scene(4, index, options).kind, SceneKind::shape);
}

TEST(SceneKind, NamesGoBothWays) {
  for (std::size_t kind = 0; kind < kSceneKinds; ++kind)
    EXPECT_EQ(scene_kind_from_name(scene_kind_name(static_cast<SceneKind>(kind))),
              static_cast<SceneKind>(kind));
  EXPECT_THROW(scene_kind_from_name("color"), ArgumentError);
}

Json item_of(const Item& item) {
  Json json = {{item.shape ? "shape" : "thing", item.name}};
  if (!item.colour.empty()) json["colour"] = item.colour;
  return json;
}

// What `sd35 evaluate` is to look for is everything that the scene shows.
TEST(SceneJson, ExpectsWhatIsThere) {
  for (std::size_t number = 0; number < kScoredKinds; ++number) {
    const auto kind = static_cast<SceneKind>(number);
    for (std::uint64_t index = 0; index < 300; ++index) {
      const Scene scene = sample_scene(11, index, only(kind));
      const Json whole = Json::parse(scene_json(scene)), prompt = Json::parse(evaluation_prompt_json(scene));
      Json expected;
      switch (kind) {
        case SceneKind::words:
          expected = {{"words", scene.sign->words}};
          break;
        case SceneKind::position:
          expected = {{"first", item_of(scene.items[0])},
                      {"relation", relation_name(scene.relation)},
                      {"second", item_of(scene.items[1])}};
          break;
        case SceneKind::count:
          expected = item_of(scene.items[0]);
          expected["count"] = scene.count;
          break;
        case SceneKind::background:
          expected = {{"background", scene.background.name}};
          break;
        default:
          expected = item_of(scene.items[0]);
      }
      EXPECT_EQ(whole["expect"], expected) << scene.caption;
      EXPECT_EQ(whole["kind"], scene_kind_name(kind));
      EXPECT_EQ(prompt["prompt"], scene.caption);
      EXPECT_EQ(prompt["kind"], whole["kind"]);
      EXPECT_EQ(prompt["expect"], expected);
    }
  }
}

TEST(SceneJson, OtherKindsAreNotScored) {
  for (std::size_t kind = kScoredKinds; kind < kSceneKinds; ++kind) {
    const Scene scene = sample_scene(12, 0, only(static_cast<SceneKind>(kind)));
    EXPECT_EQ(Json::parse(scene_json(scene))["expect"], Json::object());
    EXPECT_THROW(evaluation_prompt_json(scene), ArgumentError);
  }
}

}  // namespace
}  // namespace sd35
