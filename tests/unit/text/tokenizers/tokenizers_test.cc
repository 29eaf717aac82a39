// The tokenizers against transformers on hard strings (tools/reference/tokenizer_goldens.py), and against
// broken files.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "core/error.h"
#include "random_models/tiny_tokenizers.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "text/tokenizers/t5_tokenizer.h"
#include "text/tokenizers/tokenizer_files.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::int32_t>;

const fs::path& tiny() {
  static const TemporaryFolder folder;
  static const bool written = (write_tiny_tokenizers(folder.path()), true);
  (void)written;
  return folder.path();
}

template <class Tokenizer>
void expect_golden(const std::string& name, const fs::path& folder = tiny()) {
  std::ifstream file(fs::path(SD35_SOURCE_DIR) / "tests" / "golden" / "tokenizers.json");
  const nlohmann::json golden = nlohmann::json::parse(file);
  const Tokenizer tokenizer = Tokenizer::load(folder / name);
  ASSERT_GE(golden.at("strings").size(), 200u);
  for (std::size_t i = 0; i < golden.at("strings").size(); ++i) {
    const std::string text = golden.at("strings")[i];
    EXPECT_EQ(tokenizer.encode(text), golden.at(name)[i].get<Ids>()) << "string " << i << ": " << text;
  }
}

TEST(TokenizersTest, ClipLEqualsTheReference) { expect_golden<ClipTokenizer>("tokenizer"); }
TEST(TokenizersTest, ClipGEqualsTheReference) { expect_golden<ClipTokenizer>("tokenizer_2"); }
TEST(TokenizersTest, T5EqualsTheReference) { expect_golden<T5Tokenizer>("tokenizer_3"); }

TEST(TokenizersTest, PaddingFollowsTheConfiguration) {
  const ClipTokenizer l = ClipTokenizer::load(tiny() / "tokenizer"),
                      g = ClipTokenizer::load(tiny() / "tokenizer_2");
  EXPECT_EQ(l.encode("", 4).ids,
            (Ids{l.end_of_text() - 1, l.end_of_text(), l.end_of_text(), l.end_of_text()}));
  EXPECT_EQ(g.encode("", 4).ids, (Ids{g.end_of_text() - 1, g.end_of_text(), 0, 0}));
  EXPECT_EQ(T5Tokenizer::load(tiny() / "tokenizer_3").encode("", 3).ids, (Ids{1, 0, 0}));
}

TEST(TokenizersTest, CuttingKeepsTheEndAndTellsWhatWasLost) {
  const ClipTokenizer clip = ClipTokenizer::load(tiny() / "tokenizer");
  const T5Tokenizer t5 = T5Tokenizer::load(tiny() / "tokenizer_3");
  const Tokenized short_clip = clip.encode("a sign a sign hello world", 6);
  const Ids whole = clip.encode("a sign a sign hello world");
  EXPECT_EQ(short_clip.ids.size(), 6u);
  EXPECT_EQ(short_clip.ids.back(), clip.end_of_text());
  EXPECT_TRUE(std::equal(short_clip.ids.begin(), short_clip.ids.end() - 1, whole.begin()));
  EXPECT_TRUE(short_clip.truncated.ends_with("hello world")) << short_clip.truncated;
  const Tokenized short_t5 = t5.encode("a sign that reads hello world", 3);
  EXPECT_EQ(short_t5.ids.back(), 1);
  EXPECT_TRUE(short_t5.truncated.ends_with("hello world")) << short_t5.truncated;
  EXPECT_EQ(clip.encode("a cat", 77).truncated, "");
}

TEST(TokenizersTest, TextMustBeUtf8) {
  const ClipTokenizer clip = ClipTokenizer::load(tiny() / "tokenizer");
  try {
    clip.encode("ab\xff");
    FAIL();
  } catch (const ArgumentError& error) {
    EXPECT_NE(std::string(error.what()).find("byte 2"), std::string::npos) << error.what();
  }
}

TEST(TokenizersTest, TheTinyFilesAreTheSameEachTime) {
  const TemporaryFolder again;
  write_tiny_tokenizers(again.path());
  for (const char* file :
       {"tokenizer/vocab.json", "tokenizer_2/tokenizer_config.json", "tokenizer_3/spiece.model"})
    EXPECT_EQ(file_bytes(tiny() / file), file_bytes(again / file)) << file;
}

// A copy of the tiny tokenizers with one file replaced; loading it fails with a message that names the file.
template <class Tokenizer>
void expect_file_error(const std::string& folder, const std::string& file, const std::string& content) {
  const TemporaryFolder copy;
  fs::copy(tiny(), copy.path(), fs::copy_options::recursive);
  std::ofstream(copy.path() / folder / file, std::ios::binary) << content;
  try {
    Tokenizer::load(copy.path() / folder);
    ADD_FAILURE() << file << " was accepted: " << content.substr(0, 60);
  } catch (const FileError& error) {
    EXPECT_NE(std::string(error.what()).find(file), std::string::npos) << error.what();
    EXPECT_EQ(error.file().parent_path(), copy.path() / folder) << error.what();
    EXPECT_TRUE(std::string(error.what()).starts_with(error.file().string() + ": ")) << error.what();
  }
}

TEST(TokenizersTest, BrokenClipFilesAreRefused) {
  for (const char* vocabulary : {"", "{", "[]", "{}", R"({"a": -1})", R"({"a": 0, "b": 0})", R"({"a": "0"})",
                                 R"({"a": 5})", R"({"a": 0})"})
    expect_file_error<ClipTokenizer>("tokenizer", "vocab.json", vocabulary);
  for (const char* merges : {"zz qq", "a", "a b c", "#version\n\xff\xfe x", "", "#version: 0.2\n"})
    expect_file_error<ClipTokenizer>("tokenizer", "merges.txt", merges);
  for (const char* config :
       {"[]", R"({"added_tokens_decoder": 3})", R"({"added_tokens_decoder": {"x": {"content": "a"}}})",
        R"({"added_tokens_decoder": {"999999": {"content": "a"}}})",
        R"({"added_tokens_decoder": {"1": {"content": ""}}})", R"({"pad_token": 7})"})
    expect_file_error<ClipTokenizer>("tokenizer", "tokenizer_config.json", config);
}

// A download that broke off is another tokenizer, which would draw other pictures.
TEST(TokenizersTest, MergesThatAreCutShortAreRefused) {
  const std::string merges = file_bytes(tiny() / "tokenizer" / "merges.txt");
  std::vector<std::size_t> lengths = {merges.size() / 2, merges.size() - 2};
  for (std::size_t end = merges.find('\n'); end + 1 < merges.size(); end = merges.find('\n', end + 1))
    if (lengths.size() < 12 || end + 40 > merges.size()) lengths.push_back(end + 1);
  for (const std::size_t length : lengths)
    expect_file_error<ClipTokenizer>("tokenizer", "merges.txt", merges.substr(0, length));
  const TemporaryFolder copy;
  fs::copy(tiny(), copy.path(), fs::copy_options::recursive);
  // Only the end of its last line is missing.
  put_file(copy / "tokenizer/merges.txt", merges.substr(0, merges.size() - 1));
  EXPECT_EQ(ClipTokenizer::load(copy / "tokenizer").encode("a cat"),
            ClipTokenizer::load(tiny() / "tokenizer").encode("a cat"));
}

// The files of a tokenizer as something that is not a file.
TEST(TokenizersTest, PipesFoldersAndDevicesAreRefusedAtOnce) {
  const auto expect_refused = [](const fs::path& path, const auto& load) {
    const auto check = [&](const char* what) {
      try {
        load(path.parent_path());
        ADD_FAILURE() << path << " as a " << what << " was read";
      } catch (const FileError& error) {
        EXPECT_NE(std::string(error.what()).find("not a regular file"), std::string::npos) << error.what();
      }
    };
    const std::string before = file_bytes(path);
    fs::remove(path);
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    check("pipe");
    fs::remove(path);
    fs::create_directory(path);
    check("folder");
    fs::remove(path);
    fs::create_symlink("/dev/zero", path);
    check("device");
    fs::remove(path);
    put_file(path, before);
  };
  const TemporaryFolder copy;
  fs::copy(tiny(), copy.path(), fs::copy_options::recursive);
  for (const char* file : {"vocab.json", "merges.txt", "tokenizer_config.json"})
    expect_refused(copy.path() / "tokenizer" / file, [](const fs::path& f) { ClipTokenizer::load(f); });
  for (const char* file : {"spiece.model", "tokenizer_config.json"})
    expect_refused(copy.path() / "tokenizer_3" / file, [](const fs::path& f) { T5Tokenizer::load(f); });
}

// Where each top-level field of a protocol buffer with lengths below 2^21 ends.
std::vector<std::size_t> field_ends(const std::string& bytes) {
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at < bytes.size();) {
    std::size_t length = 0;
    int shift = 0;
    do length |= static_cast<std::size_t>(bytes.at(++at) & 0x7f) << std::exchange(shift, shift + 7);
    while ((bytes.at(at) & 0x80) != 0);
    ends.push_back(at += 1 + length);
  }
  return ends;
}

TEST(TokenizersTest, ASentencePieceModelThatEndsAfterAPieceIsRefused) {
  const std::string model = file_bytes(tiny() / "tokenizer_3" / "spiece.model");
  const std::vector<std::size_t> ends = field_ends(model);
  ASSERT_EQ(ends.back(), model.size());
  for (std::size_t i = 0; i + 1 < ends.size(); i += i + 8 < ends.size() ? 37 : 1)
    expect_file_error<T5Tokenizer>("tokenizer_3", "spiece.model", model.substr(0, ends[i]));
  // Pieces that were appended to it, as for whole words, come after everything else.
  const std::string longer = append_pieces(model, {{"\u2581red", -3}, {"\u2581blue", -4}});
  const TemporaryFolder copy;
  write_t5_tokenizer(copy / "t5", longer, 512);
  T5Tokenizer::load(copy / "t5");
  put_file(copy / "t5/spiece.model", longer.substr(0, field_ends(longer).end()[-2]));
  EXPECT_THROW(T5Tokenizer::load(copy / "t5"), FileError);
}

TEST(TokenizersTest, BrokenT5FilesAreRefused) {
  const std::string model = file_bytes(tiny() / "tokenizer_3" / "spiece.model");
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{1}, std::size_t{7}, model.size() / 2, model.size() - 1})
    expect_file_error<T5Tokenizer>("tokenizer_3", "spiece.model", model.substr(0, length));
  expect_file_error<T5Tokenizer>("tokenizer_3", "spiece.model", "not a model at all");
  expect_file_error<T5Tokenizer>("tokenizer_3", "tokenizer_config.json", R"({"pad_token": "<nowhere>"})");
}

// A clone without git lfs leaves pointers in place of the larger files.
TEST(TokenizersTest, WhatIsAnotherKindOfFileIsNamed) {
  const std::string pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 791656\n";
  for (const char* file : {"tokenizer/vocab.json", "tokenizer/merges.txt", "tokenizer_3/spiece.model"}) {
    const TemporaryFolder copy;
    fs::copy(tiny(), copy.path(), fs::copy_options::recursive);
    put_file(copy / file, pointer);
    try {
      ClipTokenizer::load(copy / "tokenizer");
      T5Tokenizer::load(copy / "tokenizer_3");
      FAIL() << file << " is taken";
    } catch (const FileError& error) {
      EXPECT_NE(std::string(error.what()).find("git lfs pull"), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(file), std::string::npos) << error.what();
    }
  }
}

TEST(BytePairEncodingTest, EveryByteHasItsOwnPrintableSymbol) {
  std::set<char32_t> symbols;
  for (int byte = 0; byte < 256; ++byte) symbols.insert(symbol_of_byte(static_cast<std::uint8_t>(byte)));
  EXPECT_EQ(symbols.size(), 256u);
  EXPECT_EQ(symbol_of_byte('a'), U'a');
  EXPECT_EQ(symbol_of_byte(0), U'\u0100');
  EXPECT_EQ(symbol_of_byte(' '), U'\u0120');
}

}  // namespace
}  // namespace sd35
