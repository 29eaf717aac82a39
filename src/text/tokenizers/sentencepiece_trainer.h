// Training of SentencePiece unigram models (Kudo 2018, arXiv 1804.10959) by SentencePiece's own program.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace sd35 {

struct SentencePieceTraining {
  int vocab_size = 32000;              // pieces, <pad>, </s> and <unk> among them; fewer where texts are few
  double character_coverage = 0.9995;  // share of the texts' characters that get a piece; the rest is <unk>
  int longest_piece = 16;              // in characters; 1 makes a vocabulary of characters
  std::string required_characters = {};  // UTF-8; get a piece whether they occur or not
};

// The bytes of a spiece.model as T5 has it (ids: <pad> 0, </s> 1, <unk> 2; text normalized by nmt_nfkc). The
// same bytes for the same texts. A line break in a text counts as the end of a text; texts longer than 4192
// bytes are left out.
//
// Runs the program spm_train, found through PATH, as a child: its library brings a protobuf of its own, which
// cannot share a process with the one LibTorch links. `on_progress`, if set, is called while it runs and may
// throw to stop it. Throws Error when the program is missing or fails, ArgumentError for options out of
// range, Cancelled when it is interrupted.
std::string train_sentencepiece(const std::vector<std::string>& texts, const SentencePieceTraining& training,
                                const std::function<void(double fraction)>& on_progress = {});

}  // namespace sd35
