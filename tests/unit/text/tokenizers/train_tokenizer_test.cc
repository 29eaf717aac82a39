// Tokenizers learned from captions: against transformers reading the same files
// (tools/reference/trained_tokenizer_goldens.py), and merges that can be checked by hand.
#include "text/tokenizers/train_tokenizer.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "core/error.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "text/tokenizers/child_process.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "text/tokenizers/scratch_folder.h"
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
void expect_trained_golden(const fs::path& folder, const std::string& name, int tokens) {
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
  expect_trained_golden<ClipTokenizer>(folder / "clip", "clip", tokens);
}

TEST(TrainTokenizerTest, ClipPaddedWithAnotherTokenEqualsTheReference) {
  const TemporaryFolder folder;
  const int tokens = train_clip_tokenizer(
      captions(), {.vocab_size = 560, .pad_token = "!", .model_max_length = 20}, folder / "clip");
  expect_trained_golden<ClipTokenizer>(folder / "clip", "clip_padded_with_0", tokens);
  const Tokenized padded = ClipTokenizer::load(folder / "clip").encode("", 4);
  EXPECT_EQ(Ids(padded.ids.begin() + 2, padded.ids.end()), (Ids{0, 0}));
}

TEST(TrainTokenizerTest, T5EqualsTheReference) {
  const TemporaryFolder folder;
  const int tokens = train_t5_tokenizer(captions(), {.vocab_size = 200}, folder / "t5");
  expect_trained_golden<T5Tokenizer>(folder / "t5", "t5", tokens);
}

TEST(TrainTokenizerTest, CharactersEqualTheReference) {
  const TemporaryFolder folder;
  const int tokens =
      train_t5_tokenizer(captions(), {.vocab_size = 200, .split_characters = true}, folder / "characters");
  expect_trained_golden<T5Tokenizer>(folder / "characters", "characters", tokens);
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
  const Ids ids = tokenizer.encode("ell loon");             // parts of words, but not words
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

// An environment variable for the time of a test.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { before_ ? ::setenv(name_, before_->c_str(), 1) : ::unsetenv(name_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(TrainTokenizerTest, StopsWhenItIsAskedTo) {
  const TemporaryFolder folder;
  int calls = 0;
  const auto stop_at = [&](int call) {
    calls = 0;
    return [&, call](double) {
      if (++calls == call) throw Cancelled();
    };
  };
  const int texts = static_cast<int>(captions().size());
  for (const int call : {1, texts + 1, texts + 200})  // counting words, the pairs of a word, merges
    EXPECT_THROW(train_clip_tokenizer(captions(), {.vocab_size = 700}, folder / "clip", stop_at(call)),
                 Cancelled);
  EXPECT_EQ(calls, texts + 200);
  EXPECT_EQ(folder.entries(), 0);
}

// Its texts may be anyone's, and it may take hours.
TEST(TrainTokenizerTest, SentencePieceAndItsTextsAreGoneAfterStopping) {
  const TemporaryFolder folder;
  const Variable set("TMPDIR", folder.path());
  const int texts = static_cast<int>(captions().size());
  int calls = 0;
  const auto stop = [&](double) {
    if (++calls > texts) throw Cancelled();  // while the program runs
  };
  EXPECT_THROW(train_t5_tokenizer(captions(), {.vocab_size = 200}, folder / "t5", stop), Cancelled);
  EXPECT_EQ(folder.entries(), 0);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);  // there is no child
  EXPECT_EQ(errno, ECHILD);
}

// Runs `body` in a process of its own, which ends by SIGKILL.
template <class Body>
void run_and_kill(const Body& body) {
  const ::pid_t process = ::fork();
  if (process == 0) {
    body();
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(process, &status, 0), process);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

TEST(ChildProcessTest, DiesWithTheProcessThatStartedIt) {
  const TemporaryFolder folder;
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);  // the child inherits it: its end is the end of the pipe
  run_and_kill([&] {
    static ChildProcess child(find_program("sleep").value(), {"sleep", "3600"}, folder.path(), "log");
  });
  ::close(ends[1]);
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 0);
  ::close(ends[0]);
}

TEST(ChildProcessTest, WhatItPrintsAndHowItEnds) {
  const TemporaryFolder folder;
  const auto status_of = [&](const std::string& script) {
    ChildProcess child(find_program("sh").value(), {"sh", "-c", script}, folder.path(), "log");
    return child.wait({});
  };
  EXPECT_EQ(WEXITSTATUS(status_of("echo out; echo err >&2; pwd; exit 7")), 7);
  EXPECT_EQ(file_bytes(folder / "log"), "out\nerr\n" + fs::canonical(folder.path()).string() + "\n");
  EXPECT_EQ(WTERMSIG(status_of("kill -TERM $$")), SIGTERM);
  EXPECT_FALSE(find_program("sd35-no-such-program").has_value());
  EXPECT_THROW(ChildProcess(folder / "none", {"none"}, folder.path(), "log"), Error);
  EXPECT_THROW(ChildProcess(find_program("sh").value(), {"sh"}, folder / "none", "log"), Error);
}

TEST(ScratchFolderTest, OneThatAKilledProcessLeftIsRemovedAndNoOther) {
  const TemporaryFolder folder;
  const Variable set("TMPDIR", folder.path());
  run_and_kill([] {
    static ScratchFolder left;
    put_file(left / "texts", "private");
  });
  EXPECT_EQ(folder.entries(), 1);
  {
    const ScratchFolder one, two;
    EXPECT_EQ(folder.entries(), 2);  // what was left is gone, what is held stays
    EXPECT_TRUE(fs::is_directory(one.path()) && fs::is_directory(two.path()));
    put_file(one / "texts", "private");
  }
  EXPECT_EQ(folder.entries(), 0);
  fs::create_directory(folder / "sd35-other");
  fs::create_directory_symlink(folder / "sd35-other", folder / "sd35-scratch-link");
  const ScratchFolder three;
  EXPECT_TRUE(fs::exists(folder / "sd35-other") && fs::is_symlink(folder / "sd35-scratch-link"));
}

TEST(TrainTokenizerTest, AMissingProgramIsNamed) {
  const TemporaryFolder folder;
  const Variable set("PATH", folder.path());
  try {
    train_t5_tokenizer({"some words"}, {}, folder / "t5");
    ADD_FAILURE() << "trained without the program";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("spm_train"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace sd35
