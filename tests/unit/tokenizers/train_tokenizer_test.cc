// Tokenizers learned from captions: against transformers reading the same files
// (tools/reference/trained_tokenizer_goldens.py), and merges that can be checked by hand.
#include "text/tokenizers/train_tokenizer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "text/tokenizers/t5_tokenizer.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::int32_t>;

nlohmann::json golden(const std::string& file) {
  return nlohmann::json::parse(std::ifstream(fs::path(SD35_SOURCE_DIR) / "tests" / "golden" / file));
}

std::vector<std::string> captions() { return golden("trained_tokenizers.json").at("captions"); }

template <class Tokenizer>
void expect_golden(const fs::path& folder, const std::string& name, int tokens) {
  const nlohmann::json strings = golden("tokenizers.json").at("strings");
  const nlohmann::json expected = golden("trained_tokenizers.json").at(name);
  EXPECT_EQ(tokens, expected.at("tokens"));
  const Tokenizer tokenizer = Tokenizer::load(folder);
  ASSERT_EQ(strings.size(), expected.at("ids").size());
  for (std::size_t i = 0; i < strings.size(); ++i)
    EXPECT_EQ(tokenizer.encode(strings[i].get<std::string>()), expected.at("ids")[i].get<Ids>())
        << strings[i];
}

TEST(TrainTokenizerTest, ClipEqualsTheReference) {
  const TemporaryFolder folder;
  const int tokens = train_clip_tokenizer(captions(), {.vocab_size = 600}, folder / "clip");
  expect_golden<ClipTokenizer>(folder / "clip", "clip", tokens);
}

TEST(TrainTokenizerTest, ClipPaddedWithAnotherTokenEqualsTheReference) {
  const TemporaryFolder folder;
  const int tokens = train_clip_tokenizer(
      captions(), {.vocab_size = 560, .pad_token = "!", .model_max_length = 20}, folder / "clip");
  expect_golden<ClipTokenizer>(folder / "clip", "clip_padded_with_0", tokens);
  const Tokenized padded = ClipTokenizer::load(folder / "clip").encode("", 4);
  EXPECT_EQ(Ids(padded.ids.begin() + 2, padded.ids.end()), (Ids{0, 0}));
}

TEST(TrainTokenizerTest, T5EqualsTheReference) {
  const TemporaryFolder folder;
  const int tokens = train_t5_tokenizer(captions(), {.vocab_size = 200}, folder / "t5");
  expect_golden<T5Tokenizer>(folder / "t5", "t5", tokens);
}

TEST(TrainTokenizerTest, CharactersEqualTheReference) {
  const TemporaryFolder folder;
  const int tokens =
      train_t5_tokenizer(captions(), {.vocab_size = 200, .split_characters = true}, folder / "characters");
  expect_golden<T5Tokenizer>(folder / "characters", "characters", tokens);
}

TEST(TrainTokenizerTest, CharactersSpellEveryWord) {
  const TemporaryFolder folder;
  train_t5_tokenizer({"a word"}, {.vocab_size = 150, .split_characters = true}, folder / "t5");
  const T5Tokenizer tokenizer = T5Tokenizer::load(folder / "t5");
  // The mark before a word, each character, the end of text; none is unknown, though none but "a" was seen.
  const Ids ids = tokenizer.encode("Banana ~7");
  ASSERT_EQ(ids.size(), 1u + 6 + 1 + 2 + 1);
  EXPECT_EQ(std::set<std::int32_t>(ids.begin(), ids.end()).size(), 7u);
  EXPECT_EQ(ids[2], ids[4]);
  EXPECT_EQ(std::ranges::count(ids, 2), 0);
  EXPECT_EQ(std::ranges::count(tokenizer.encode("\u00c4"), 2), 1);
}

TEST(TrainTokenizerTest, WholeWordsOrCharacters) {
  const TemporaryFolder folder;
  const std::vector<std::string> texts(20, "a yellow umbrella beside a yellow balloon");
  train_t5_tokenizer(texts, {.vocab_size = 150, .whole_words = true}, folder / "t5");
  const T5Tokenizer tokenizer = T5Tokenizer::load(folder / "t5");
  EXPECT_EQ(tokenizer.encode("yellow balloon").size(), 2u + 1);
  EXPECT_EQ(tokenizer.encode("HELLO").size(), 1u + 5 + 1);  // the mark before a word, letters, end of text
  const Ids ids = tokenizer.encode("ell loon");             // parts of words, and no words
  EXPECT_EQ(ids.size(), 1u + 3 + 1 + 4 + 1);
  EXPECT_EQ(std::ranges::count(ids, 2), 0);
}

TEST(TrainTokenizerTest, MergesAreTheMostFrequentPairs) {
  const TemporaryFolder folder;
  const std::string text =
      "low low low low low lower lower newest newest newest newest newest newest widest widest widest";
  train_clip_tokenizer({text}, {.vocab_size = 514 + 6}, folder / "clip");
  // "es" and "st</w>" occur 9 times each: the first in the alphabet goes first.
  EXPECT_EQ(file_bytes(folder / "clip" / "merges.txt"),
            "#version: 0.2\ne s\nes t</w>\nl o\ne w\new est</w>\nn ewest</w>\n");
  EXPECT_EQ(ClipTokenizer::load(folder / "clip").encode("newest"), (Ids{518, 517, 519}));
}

TEST(TrainTokenizerTest, StopsWhenEveryWordIsOneToken) {
  const TemporaryFolder folder;
  EXPECT_EQ(train_clip_tokenizer({"abc ABC"}, {}, folder / "clip"), 514 + 2);
  EXPECT_EQ(ClipTokenizer::load(folder / "clip").encode("abc").size(), 3u);
}

TEST(TrainTokenizerTest, TheSameFilesEachTime) {
  const TemporaryFolder first, second;
  for (const TemporaryFolder* folder : {&first, &second}) {
    train_clip_tokenizer(captions(), {.vocab_size = 700}, *folder / "clip");
    train_t5_tokenizer(captions(), {.vocab_size = 250}, *folder / "t5");
  }
  for (const char* file :
       {"clip/vocab.json", "clip/merges.txt", "t5/spiece.model", "t5/tokenizer_config.json"})
    EXPECT_EQ(file_bytes(first / file), file_bytes(second / file)) << file;
}

TEST(TrainTokenizerTest, ImpossibleOptionsAreRefused) {
  const TemporaryFolder folder;
  const fs::path out = folder / "out";
  const std::vector<std::string> texts = {"some words"};
  EXPECT_THROW(train_clip_tokenizer(texts, {.vocab_size = 513}, out), ArgumentError);
  EXPECT_THROW(train_clip_tokenizer(texts, {.pad_token = "<pad>"}, out), ArgumentError);
  EXPECT_THROW(train_clip_tokenizer(texts, {.model_max_length = 1}, out), ArgumentError);
  EXPECT_THROW(train_clip_tokenizer({" ", ""}, {}, out), ArgumentError);
  EXPECT_THROW(train_clip_tokenizer({"\xff"}, {}, out), ArgumentError);
  EXPECT_THROW(train_t5_tokenizer(texts, {.vocab_size = 20}, out), ArgumentError);
  EXPECT_THROW(train_t5_tokenizer(texts, {.character_coverage = 1.5}, out), ArgumentError);
  EXPECT_THROW(train_t5_tokenizer({" "}, {}, out), ArgumentError);
  EXPECT_THROW(train_t5_tokenizer({"\xff"}, {}, out), ArgumentError);
  EXPECT_EQ(folder.entries(), 0);
}

TEST(TrainTokenizerTest, AMissingProgramIsNamed) {
  const TemporaryFolder folder;
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", folder.path().c_str(), 1);
  try {
    train_t5_tokenizer({"some words"}, {}, folder / "t5");
    ADD_FAILURE() << "trained without the program";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("spm_train"), std::string::npos) << error.what();
  }
  ::setenv("PATH", path.c_str(), 1);
}

}  // namespace
}  // namespace sd35
