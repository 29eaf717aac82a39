#include "lab/scenes/caption_vocabulary.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/text_words.h"
#include "lab/scenes/colours.h"
#include "lab/scenes/things.h"
#include "tests/support/file_bytes.h"

namespace sd35 {
namespace {

// As all data of the default model is made: recipes/default-model/train.
SceneOptions of_the_default_model() {
  SceneOptions options;
  options.common_things_only = true;
  return options;
}

TEST(CaptionVocabulary, HoldsEveryThingInEveryForm) {
  const SceneOptions options = of_the_default_model();
  const CaptionVocabulary vocabulary = caption_vocabulary(options);
  const auto expect_all = [&](std::string_view name) {
    for (const std::string_view word : words_of(name))
      EXPECT_TRUE(vocabulary.words.contains(in_small_letters(word))) << name;
  };
  for (const Thing& thing : all_things()) {
    if (!thing.can(kCommon)) continue;
    for (const std::string_view name : {thing.name, thing.synonym}) {
      expect_all(name);
      if (!name.empty() && countable(thing.name)) expect_all(plural(name));  // scenes count by the name
    }
  }
  for (const NamedColour& colour : named_colours()) expect_all(colour.name);
  for (const std::string_view shape : shape_names()) expect_all(shape);
  expect_all("circles");
  EXPECT_EQ(vocabulary.letters, "23456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");
  for (const char* word : {"wizard", "portrait", "hello", "#", ""})
    EXPECT_FALSE(vocabulary.words.contains(word)) << word;
}

TEST(CaptionVocabulary, IsWhatTheDefaultModelSays) {
  const std::string expected = vocabulary_json(caption_vocabulary(of_the_default_model()));
  nlohmann::json said = nlohmann::json::parse(file_bytes(SD35_SOURCE_DIR "/models/default/sd35.json"));
  said.erase("sides");
  said.erase("preview");
  EXPECT_EQ(said, nlohmann::json::parse(expected))
      << "write it again: sd35 make-dataset --vocabulary models/default/sd35.json --common-things";
}

}  // namespace
}  // namespace sd35
