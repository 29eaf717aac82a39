// The unigram language model: of all ways to cut a word into pieces, the one with the largest sum of scores.
// Reference: Kudo 2018 (arXiv 1804.10959); huggingface/tokenizers, models/unigram (encode_optimized).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/tokenizers/sentencepiece_model.h"

namespace sd35 {

class Unigram {
 public:
  Unigram(std::vector<SentencePiece> pieces, std::int32_t unknown_id);

  // Ids of the pieces of `word` (UTF-8); characters that no piece covers become one unknown for each run of
  // them.
  std::vector<std::int32_t> encode(std::string_view word) const;
  const std::string& text_of(std::int32_t id) const { return pieces_.at(static_cast<std::size_t>(id)).text; }
  std::int32_t size() const { return static_cast<std::int32_t>(pieces_.size()); }

 private:
  std::vector<SentencePiece> pieces_;
  std::unordered_map<std::string_view, std::int32_t> ids_;  // of the texts in pieces_
  std::size_t longest_piece_ = 0;                           // bytes
  double unknown_score_ = 0;
  std::int32_t unknown_id_;
};

}  // namespace sd35
