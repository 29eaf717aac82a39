// tokenizer.json, the one file in which huggingface/tokenizers keeps a tokenizer: what transformers from
// version 5 on saves in place of vocab.json and merges.txt (CLIP) and of spiece.model (T5). Reference:
// huggingface/tokenizers, tokenizer/serialization.rs; transformers tokenization_utils_tokenizers.py.
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "text/tokenizers/added_tokens.h"
#include "text/tokenizers/byte_pair_vocabulary.h"
#include "text/tokenizers/sentencepiece_model.h"
#include "weights/model/tokenizer_folder.h"

namespace sd35 {

class TokenizerJson {
 public:
  // Reads `folder`/tokenizer.json. Like the functions below, throws FileError naming the file when it is
  // damaged.
  explicit TokenizerJson(const std::filesystem::path& folder);

  // What its model holds. The steps around the model (normalizer, pre-tokenizer, post-processor) must be
  // those of transformers' CLIPTokenizer or T5Tokenizer, which ClipTokenizer and T5Tokenizer are written for;
  // a FileError says which is of another kind.
  BytePairVocabulary clip_vocabulary() const;
  SentencePieceModel t5_model() const;

  std::vector<AddedToken> added_tokens() const;

 private:
  nlohmann::json json_;
  std::string location_;
};

// What a tokenizer's folder holds besides the vocabulary of the kind's own files.
struct TokenizerFolder {
  TokenizerConfig config;             // its added tokens are those of tokenizer.json where it names none
  std::optional<TokenizerJson> json;  // where the vocabulary is to be read from it
};
TokenizerFolder open_tokenizer_folder(TokenizerKind kind, const std::filesystem::path& folder);

}  // namespace sd35
