// The part of a SentencePiece unigram model (spiece.model) that encoding needs. The file is a protocol
// buffer; reference: google/sentencepiece, src/sentencepiece_model.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace sd35 {

struct SentencePiece {
  std::string text;
  double score = 0;
};

struct SentencePieceModel {
  std::vector<SentencePiece> pieces;  // by id
  std::int32_t unknown_id = 0;
  std::string character_map;  // the precompiled map of the normalizer; may be empty
};

// Throws FileError naming the file: not a protocol buffer, truncated, not a unigram model, no pieces, a score
// that is not a number.
SentencePieceModel read_sentencepiece_model(const std::filesystem::path& path);
SentencePieceModel parse_sentencepiece_model(std::string_view bytes, const std::string& location);

// The bytes of a model with more pieces at the end of its vocabulary.
std::string append_pieces(std::string model, const std::vector<SentencePiece>& pieces);

}  // namespace sd35
