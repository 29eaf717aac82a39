// Tokenizers in the form that transformers from version 5 on saves, tokenizer.json: those of
// tests/golden/tokenizer_json were saved by it (tools/reference/tokenizer_goldens.py).
#include "text/tokenizers/tokenizer_json.h"

#include <gtest/gtest.h>

#include "core/error.h"
#include "random_models/tiny_tokenizers.h"
#include "tests/support/file_bytes.h"
#include "tests/support/temporary_folder.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "text/tokenizers/t5_tokenizer.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<std::int32_t>;
using Json = nlohmann::json;

const fs::path kGoldens = fs::path(SD35_SOURCE_DIR) / "tests" / "golden";
const fs::path kSaved = kGoldens / "tokenizer_json";

template <class Tokenizer>
void expect_saved_golden(const fs::path& folder, const std::string& name) {
  const Json golden = Json::parse(file_bytes(kGoldens / "tokenizers.json"));
  const Tokenizer tokenizer = Tokenizer::load(folder);
  ASSERT_GE(golden.at("strings").size(), 200u);
  for (std::size_t i = 0; i < golden.at("strings").size(); ++i) {
    const std::string text = golden.at("strings")[i];
    EXPECT_EQ(tokenizer.encode(text), golden.at(name)[i].get<Ids>()) << "string " << i << ": " << text;
  }
}

TEST(TokenizerJsonTest, ClipLEqualsTheReference) {
  expect_saved_golden<ClipTokenizer>(kSaved / "tokenizer", "tokenizer");
}
TEST(TokenizerJsonTest, ClipGEqualsTheReference) {
  expect_saved_golden<ClipTokenizer>(kSaved / "tokenizer_2", "tokenizer_2");
}
TEST(TokenizerJsonTest, T5EqualsTheReference) {
  expect_saved_golden<T5Tokenizer>(kSaved / "tokenizer_3", "tokenizer_3");
}

TEST(TokenizerJsonTest, TheConfigurationIsReadAsBefore) {
  const ClipTokenizer l = ClipTokenizer::load(kSaved / "tokenizer"),
                      g = ClipTokenizer::load(kSaved / "tokenizer_2");
  const T5Tokenizer t5 = T5Tokenizer::load(kSaved / "tokenizer_3");
  EXPECT_EQ(l.encode("", 4).ids,
            (Ids{l.end_of_text() - 1, l.end_of_text(), l.end_of_text(), l.end_of_text()}));
  EXPECT_EQ(g.encode("", 4).ids, (Ids{g.end_of_text() - 1, g.end_of_text(), 0, 0}));
  EXPECT_EQ(l.model_max_length(), 77);
  EXPECT_EQ(t5.encode("", 3).ids, (Ids{1, 0, 0}));
  EXPECT_EQ(t5.model_max_length(), 512);
  const TemporaryFolder tiny;
  write_tiny_tokenizers(tiny.path());
  EXPECT_EQ(t5.vocab_size(), T5Tokenizer::load(tiny / "tokenizer_3").vocab_size());
  EXPECT_EQ(l.vocab_size(), ClipTokenizer::load(tiny / "tokenizer").vocab_size());
}

// A copy of a saved tokenizer whose tokenizer.json can be changed.
class Saved {
 public:
  explicit Saved(const std::string& name) {
    fs::copy(kSaved / name, folder_ / name);
    path_ = folder_ / name;
    json = Json::parse(file_bytes(path_ / "tokenizer.json"));
  }
  const fs::path& write() {
    put_file(path_ / "tokenizer.json", json.dump());
    return path_;
  }
  // Loads it and returns what is wrong with it; empty when nothing is.
  template <class Tokenizer>
  std::string error() {
    try {
      Tokenizer::load(write());
      return "";
    } catch (const FileError& error) {
      EXPECT_NE(std::string(error.what()).find("tokenizer.json"), std::string::npos) << error.what();
      return error.what();
    }
  }

  Json json;

 private:
  TemporaryFolder folder_;
  fs::path path_;
};

TEST(TokenizerJsonTest, FormsOfOlderConvertersMeanTheSame) {
  Saved clip("tokenizer_2"), t5("tokenizer_3");
  for (Json& merge : clip.json["model"]["merges"])
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  for (const char* newer : {"byte_fallback", "ignore_merges"}) clip.json["model"].erase(newer);
  Json& pattern = clip.json["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"];
  pattern = pattern.get<std::string>().substr(std::string(R"(<\|startoftext\|>|<\|endoftext\|>|)").size());
  clip.json["pre_tokenizer"]["pretokenizers"][1].erase("use_regex");
  expect_saved_golden<ClipTokenizer>(clip.write(), "tokenizer_2");

  t5.json["normalizer"] = {
      {"type", "Sequence"},
      {"normalizers",
       {t5.json["normalizer"],
        {{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}},
        {{"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", "\u2581"}}}}};
  t5.json["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"add_prefix_space", true}};
  t5.json["truncation"] = {{"max_length", 5}};  // left from its last use
  expect_saved_golden<T5Tokenizer>(t5.write(), "tokenizer_3");
}

TEST(TokenizerJsonTest, TheKindsOwnFilesGoFirst) {
  const TemporaryFolder tiny;
  write_tiny_tokenizers(tiny.path());
  for (const char* name : {"tokenizer", "tokenizer_3"})
    put_file(tiny.path() / name / "tokenizer.json", "damaged");
  ClipTokenizer::load(tiny / "tokenizer");
  T5Tokenizer::load(tiny / "tokenizer_3");
  // With one of the two missing they are not a vocabulary.
  fs::remove(tiny / "tokenizer/merges.txt");
  fs::copy_file(kSaved / "tokenizer/tokenizer.json", tiny / "tokenizer/tokenizer.json",
                fs::copy_options::overwrite_existing);
  expect_saved_golden<ClipTokenizer>(tiny / "tokenizer", "tokenizer");
}

// Files of version 4 beside the configuration of version 5, which names no added tokens.
TEST(TokenizerJsonTest, AddedTokensAreInOneOfTheFiles) {
  const TemporaryFolder tiny;
  write_tiny_tokenizers(tiny.path());
  for (const std::string name : {"tokenizer", "tokenizer_2", "tokenizer_3"})
    fs::copy(kSaved / name, tiny / name, fs::copy_options::overwrite_existing);
  expect_saved_golden<ClipTokenizer>(tiny / "tokenizer", "tokenizer");
  expect_saved_golden<ClipTokenizer>(tiny / "tokenizer_2", "tokenizer_2");
  expect_saved_golden<T5Tokenizer>(tiny / "tokenizer_3", "tokenizer_3");
  // Without it transformers takes the special tokens that the configuration names: "!" of CLIP-G.
  fs::remove(tiny / "tokenizer_2/tokenizer.json");
  const Ids ids = ClipTokenizer::load(tiny / "tokenizer_2").encode("a!");
  EXPECT_EQ(ids.at(ids.size() - 2), 0);
}

TEST(TokenizerJsonTest, AnotherTokenizerIsRefused) {
  const auto clip_error = [](const auto& change) {
    Saved saved("tokenizer");
    change(saved.json);
    return saved.error<ClipTokenizer>();
  };
  const auto t5_error = [](const auto& change) {
    Saved saved("tokenizer_3");
    change(saved.json);
    return saved.error<T5Tokenizer>();
  };
  const auto expect_part = [](const std::string& error, const char* part) {
    EXPECT_NE(error.find(part), std::string::npos) << error << ", not " << part;
  };
  EXPECT_EQ(clip_error([](Json&) {}), "");
  expect_part(clip_error([](Json& j) { j["normalizer"]["normalizers"].erase(2); }), "its normalizer is not");
  expect_part(clip_error([](Json& j) { j["normalizer"] = nullptr; }), "its normalizer is not");
  expect_part(clip_error([](Json& j) {
                j["pre_tokenizer"] = {{"type", "Whitespace"}};
              }),
              "its pre_tokenizer");
  expect_part(clip_error([](Json& j) { j["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = "."; }),
              "its pre_tokenizer");
  expect_part(clip_error([](Json& j) { j.erase("post_processor"); }), "its post_processor");
  expect_part(clip_error([](Json& j) { j["model"]["type"] = "Unigram"; }), "not of the type BPE");
  expect_part(clip_error([](Json& j) { j["model"]["end_of_word_suffix"] = ""; }), "its model is not");
  expect_part(clip_error([](Json& j) { j["model"]["dropout"] = 0.1; }), "its model is not");
  expect_part(clip_error([](Json& j) { j["model"].erase("merges"); }), "lacks vocab or merges");
  expect_part(clip_error([](Json& j) { j["model"]["merges"].erase(j["model"]["merges"].size() - 1); }),
              "no merge makes");
  expect_part(clip_error([](Json& j) { j["model"]["merges"][0] = 3; }), "a merge is");
  expect_part(clip_error([](Json& j) { j["model"]["merges"][0] = {"a", "b", "c"}; }), "a merge is");
  expect_part(clip_error([](Json& j) { j["model"]["vocab"]["!"] = 5; }), "two tokens have the id");
  expect_part(clip_error([](Json& j) { j["added_tokens"][0]["single_word"] = true; }), "single_word");
  expect_part(clip_error([](Json& j) { j["added_tokens"][0].erase("id"); }), "'id' is missing");
  expect_part(clip_error([](Json& j) { j["added_tokens"][0]["id"] = 99999; }), "beyond the vocabulary");

  EXPECT_EQ(t5_error([](Json&) {}), "");
  EXPECT_EQ(t5_error([](Json& j) { j["normalizer"] = nullptr; }), "");  // as SentencePiece's "identity"
  expect_part(t5_error([](Json& j) { j["normalizer"]["type"] = "Lowercase"; }), "its normalizer is not");
  expect_part(t5_error([](Json& j) { j["normalizer"]["precompiled_charsmap"] = "a-b"; }), "base64");
  expect_part(t5_error([](Json& j) { j["normalizer"]["precompiled_charsmap"] = "AAAA"; }), "character map");
  expect_part(t5_error([](Json& j) { j["pre_tokenizer"]["pretokenizers"][1]["prepend_scheme"] = "never"; }),
              "its pre_tokenizer");
  expect_part(t5_error([](Json& j) { j["model"]["unk_id"] = 100000; }), "'unk_id' is 100000");
  expect_part(t5_error([](Json& j) { j["model"]["vocab"][5] = {"a"}; }), "not a text and its score");
  expect_part(t5_error([](Json& j) { j["model"]["vocab"] = Json::array(); }), "no vocab");
  expect_part(t5_error([](Json& j) { j["model"]["byte_fallback"] = true; }), "its model is not");
  expect_part(t5_error([](Json& j) {
                j["added_tokens"] = Json::array({{{"id", 600}, {"content", "<x>"}}});
              }),
              "has the id 600");

  Saved cut("tokenizer");
  const std::string text = cut.json.dump();
  const fs::path folder = cut.write();
  for (const std::size_t length : {std::size_t{0}, text.size() / 2, text.size() - 1}) {
    put_file(folder / "tokenizer.json", text.substr(0, length));
    EXPECT_THROW(ClipTokenizer::load(folder), FileError);
  }
}

}  // namespace
}  // namespace sd35
