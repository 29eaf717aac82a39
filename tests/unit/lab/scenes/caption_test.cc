#include "lab/scenes/caption.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "lab/scenes/things.h"

namespace sd35 {
namespace {

using Names = std::set<std::string>;

std::string lowercase(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string sign_text(const Scene& scene) {
  std::string text;
  for (const std::string& word : scene.sign->words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// The caption in lowercase words with single spaces around each; without the sign's text, which may say
// anything.
std::string spaced_words(const Scene& scene) {
  std::string text = scene.caption;
  if (scene.sign) {
    const std::string words = sign_text(scene);
    const std::size_t quoted = text.rfind("\"" + words + "\"");
    const std::size_t at = quoted == text.npos ? text.rfind(words) : quoted + 1;
    if (at != text.npos) text.erase(at, words.size());
  }
  std::string result = " ";
  for (const char c : lowercase(text)) {
    const bool inside = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '\'';
    if (inside)
      result += c;
    else if (result.back() != ' ')
      result += ' ';
  }
  return result.back() == ' ' ? result : result + ' ';
}

// "T-rex" as spaced_words() writes it.
std::string key_of(std::string_view name) {
  std::string key = lowercase(std::string(name));
  std::ranges::replace(key, '-', ' ');
  return key;
}

void add_noun(Names& names, std::string_view noun) {
  if (noun.empty()) return;
  names.insert(key_of(noun));
  names.insert(key_of(plural(noun)));
}

void add_item(Names& names, const Item& item) {
  add_noun(names, item.name);
  if (!item.shape) add_noun(names, thing_named(item.name).synonym);
  if (!item.colour.empty()) names.insert(item.colour);
}

// Everything that a picture could show and a caption could name.
Names vocabulary() {
  Names names = {"cross between", "beach",       "forest", "woods", "night",
                 "sign",          "wooden sign", "banner", "shirt", "card"};
  for (const Thing& thing : all_things()) add_noun(names, thing.name), add_noun(names, thing.synonym);
  for (const std::string_view shape : shape_names()) add_noun(names, shape);
  for (const std::string_view texture : texture_names()) add_noun(names, texture);
  for (const NamedColour& colour : named_colours()) names.insert(std::string(colour.name));
  for (const char* word :
       {"two", "three", "four", "2", "3", "4", "big", "large", "huge", "small", "little", "tiny"})
    names.insert(word);
  return names;
}

Names names_of(const Scene& scene) {
  Names names;
  for (const Item& item : scene.items) {
    add_item(names, item);
    if (item.size == ItemSize::big) names.insert({"big", "large", "huge"});
    if (item.size == ItemSize::small) names.insert({"small", "little", "tiny"});
  }
  const std::string& background = scene.background.name;
  if (!background.empty()) names.insert(background);
  if (background == "forest") names.insert("woods");
  if (!scene.texture.empty()) names.insert({scene.texture, "cross between"});
  if (scene.count > 1)
    names.insert({std::to_string(scene.count),
                  std::array{"", "", "two", "three", "four"}.at(static_cast<std::size_t>(scene.count))});
  if (scene.sign) {
    names.insert({key_of(sign_form_name(scene.sign->form)), scene.sign->colour, scene.sign->text_colour});
    if (scene.sign->form == SignForm::post) names.insert("sign");
  }
  return names;
}

// The names of `vocabulary` in the text, the longest at each place.
Names names_in(std::string text, const Names& vocabulary) {
  std::vector<std::string> longest_first(vocabulary.begin(), vocabulary.end());
  std::ranges::stable_sort(longest_first, std::greater(), &std::string::size);
  Names found;
  for (const std::string& name : longest_first) {
    const std::string word = " " + name + " ";
    for (std::size_t at = 0; (at = text.find(word)) != text.npos;) {
      found.insert(name);
      text.replace(at, word.size(), " | ");
    }
  }
  return found;
}

class Captions : public testing::TestWithParam<Split> {
 protected:
  Scene scene(std::uint64_t index) {
    SceneOptions options;
    options.split = GetParam();
    options.mix.fill(1);
    return sample_scene(31, index, options);
  }
};

TEST_P(Captions, NameOnlyWhatIsThere) {
  const Names all = vocabulary();
  for (std::uint64_t index = 0; index < 2'000; ++index) {
    const Scene scene = this->scene(index);
    const Names there = names_of(scene);
    for (const std::string& name : names_in(spaced_words(scene), all))
      EXPECT_TRUE(there.contains(name)) << "'" << name << "' in: " << scene.caption;
  }
}

TEST_P(Captions, NameEverything) {
  for (std::uint64_t index = 0; index < 10'000; ++index) {
    const Scene scene = this->scene(index);
    const std::string words = spaced_words(scene);
    const auto has = [&](const std::string& name) { return words.find(" " + name + " ") != words.npos; };
    const auto has_one = [&](const Names& names) { return std::ranges::any_of(names, has); };
    for (const Item& item : scene.items) {
      Names names;
      add_item(names, {.name = item.name, .shape = item.shape});
      EXPECT_TRUE(has_one(names)) << item.name << " is not in: " << scene.caption;
      if (!item.colour.empty()) {
        EXPECT_TRUE(has(item.colour)) << item.colour << " is not in: " << scene.caption;
      }
      if (item.size == ItemSize::big) {
        EXPECT_TRUE(has_one({"big", "large", "huge"})) << scene.caption;
      }
      if (item.size == ItemSize::small) {
        EXPECT_TRUE(has_one({"small", "little", "tiny"})) << scene.caption;
      }
    }
    if (!scene.texture.empty()) {
      EXPECT_TRUE(has(scene.texture)) << scene.caption;
    }
    if (scene.kind == SceneKind::count) {
      const std::string word =
          std::array{"", "one", "two", "three", "four"}.at(static_cast<std::size_t>(scene.count));
      EXPECT_TRUE(has_one({word, std::to_string(scene.count)})) << scene.caption;
    }
    if (scene.background.name == "forest") {
      EXPECT_TRUE(has_one({"forest", "woods"})) << scene.caption;
    } else if (!scene.background.name.empty()) {
      EXPECT_TRUE(has(scene.background.name)) << scene.caption;
    }
    if (scene.kind == SceneKind::position) {
      EXPECT_TRUE(scene.relation == Relation::left_of    ? has("left")
                  : scene.relation == Relation::right_of ? has("right")
                  : scene.relation == Relation::above    ? has_one({"above", "over"})
                                                      : has_one({"below", "under", "underneath", "beneath"}))
          << scene.caption;
    }
    if (scene.sign) {
      EXPECT_NE(scene.caption.find(sign_text(scene)), std::string::npos) << scene.caption;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(OfBothSplits, Captions, testing::Values(Split::train, Split::heldout),
                         [](const auto& info) { return info.param == Split::train ? "train" : "heldout"; });

// A full stop after an unquoted word would be read as a part of the sign.
TEST(Caption, ASignsTextIsNeverFollowedByAFullStop) {
  SceneOptions options;
  options.mix.fill(0);
  options.mix[static_cast<std::size_t>(SceneKind::words)] = 1;
  int stops = 0;
  for (std::uint64_t index = 0; index < 5'000; ++index) {
    const Scene scene = sample_scene(32, index, options);
    EXPECT_EQ(scene.caption.find(sign_text(scene) + "."), std::string::npos) << scene.caption;
    stops += scene.caption.back() == '.';
  }
  EXPECT_GT(stops, 0);
}

TEST(Caption, WordingsVary) {
  Scene scene;
  scene.items = {{.name = "dog", .size = ItemSize::big}};
  Names wordings;
  SceneRandom random(33, 0);
  for (int i = 0; i < 500; ++i) wordings.insert(roll_caption(scene, random));
  EXPECT_GT(wordings.size(), 50u);
}

}  // namespace
}  // namespace sd35
