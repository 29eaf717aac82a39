// Byte-pair encoding: symbols that merge in the order a file ranks the merges.
// Reference: Sennrich et al. 2016; huggingface/tokenizers, models/bpe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "text/tokenizers/added_tokens.h"
#include "text/tokenizers/byte_pair_vocabulary.h"

namespace sd35 {

class BytePairEncoding {
 public:
  // Throws FileError naming the location for a merge of symbols, or into a symbol, that the vocabulary lacks.
  explicit BytePairEncoding(BytePairVocabulary vocabulary);

  // Throws FileError when merges are missing: a vocabulary with a symbol for every byte, inside and at the
  // end of a word, was made by merging these, so everything else in it is the result of a merge, or in
  // `added`.
  void check_complete(const std::vector<AddedToken>& added) const;

  // Tokens of one word in bytes, the last of them marked with "</w>"; `unknown` for a byte without a symbol.
  std::vector<std::int32_t> encode(std::string_view word, std::int32_t unknown) const;
  // The bytes of a token, a space where it ends a word.
  std::string text_of(std::int32_t id) const;

  // -1 if there is none.
  std::int32_t id_of(const std::string& token) const;
  std::int32_t size() const { return static_cast<std::int32_t>(tokens_.size()); }

 private:
  struct Merge {
    std::int32_t rank;
    std::int32_t result;
  };
  // Merges `symbols` until none applies.
  void merge(std::vector<std::int32_t>& symbols) const;

  std::unordered_map<std::string, std::int32_t> ids_;
  std::vector<std::string> tokens_;
  std::unordered_map<std::uint64_t, Merge> merges_;  // by both symbols
  std::string location_;                             // of the merges
};

// The printable character that stands for a byte in vocab.json: itself, or U+0100 and up for the 68 bytes
// that are not printable.
char32_t symbol_of_byte(std::uint8_t byte);

}  // namespace sd35
