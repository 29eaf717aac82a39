// The tokenizer of both CLIP encoders: byte-level BPE over lower-cased words.
// Reference: transformers tokenization_clip.py (CLIPTokenizer), which is built on huggingface/tokenizers.
#pragma once

#include <filesystem>
#include <string_view>

#include "text/tokenizers/added_tokens.h"
#include "text/tokenizers/byte_pair_encoding.h"
#include "text/tokenizers/tokenized.h"

namespace sd35 {

class ClipTokenizer {
 public:
  // `folder` holds vocab.json and merges.txt, or else tokenizer.json, and for tokens other than CLIP's own
  // tokenizer_config.json. Throws FileError naming the file and what is wrong with it.
  static ClipTokenizer load(const std::filesystem::path& folder);

  // Start of text, the tokens of `text` (UTF-8, else ArgumentError), end of text; neither cut nor padded.
  std::vector<std::int32_t> encode(std::string_view text) const;
  // The same in exactly `length` >= 2 ids.
  Tokenized encode(std::string_view text, int length) const;

  // How many tokens a prompt takes, 77 in the published models; 0 if tokenizer_config.json does not say.
  std::int64_t model_max_length() const { return model_max_length_; }
  std::int32_t end_of_text() const { return end_of_text_; }
  std::int32_t vocab_size() const { return bpe_.size(); }

 private:
  explicit ClipTokenizer(BytePairEncoding bpe) : bpe_(std::move(bpe)) {}
  void encode_segment(const std::u32string& text, std::vector<std::int32_t>& ids) const;

  BytePairEncoding bpe_;
  std::vector<AddedToken> added_tokens_;
  std::int64_t model_max_length_ = 0;
  std::int32_t start_of_text_ = 0, end_of_text_ = 0, padding_ = 0, unknown_ = 0;
};

// Cuts normalized text into words: contractions, runs of letters, single digits, runs of anything else; white
// space is dropped.
std::vector<std::u32string> split_clip_words(std::u32string_view text);

}  // namespace sd35
