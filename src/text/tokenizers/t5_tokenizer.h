// The tokenizer of T5: normalized words, each cut into the pieces of a unigram model.
// Reference: transformers tokenization_t5.py (T5Tokenizer), which is built on huggingface/tokenizers.
// SentencePiece itself, whose files these are, normalizes text with combining characters differently; the ids
// here are those of transformers.
#pragma once

#include <filesystem>
#include <string_view>

#include "text/tokenizers/added_tokens.h"
#include "text/tokenizers/precompiled_normalizer.h"
#include "text/tokenizers/tokenized.h"
#include "text/tokenizers/unigram.h"

namespace sd35 {

inline constexpr int kExtraIds = 100;  // <extra_id_99> to <extra_id_0>, after the pieces

class T5Tokenizer {
 public:
  // `folder` holds spiece.model, or else tokenizer.json, and for added tokens other than T5's own
  // tokenizer_config.json. Throws FileError naming the file and what is wrong with it.
  static T5Tokenizer load(const std::filesystem::path& folder);

  // The pieces of `text` (UTF-8, else ArgumentError) and the end of text; neither cut nor padded.
  std::vector<std::int32_t> encode(std::string_view text) const;
  // The same in exactly `length` >= 1 ids.
  Tokenized encode(std::string_view text, int length) const;

  // The text of a piece, with a space before the first of a word, or of an added token.
  std::string text_of(std::int32_t id) const;

  // The most ids a text may have, by the model's files; 0 if they do not say.
  std::int64_t model_max_length() const { return model_max_length_; }
  // Pieces and added tokens.
  std::int32_t vocab_size() const { return unigram_.size(); }

 private:
  T5Tokenizer(SentencePieceModel model, std::vector<AddedToken> added_tokens, const std::string& location);
  void encode_segment(const std::u32string& text, std::vector<std::int32_t>& ids) const;

  PrecompiledNormalizer normalizer_;
  Unigram unigram_;
  std::vector<AddedToken> added_tokens_;
  std::int64_t model_max_length_ = 0;
  std::int32_t padding_ = 0, end_of_text_ = 1;
};

}  // namespace sd35
