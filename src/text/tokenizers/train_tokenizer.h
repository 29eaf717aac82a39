// Tokenizers learned from texts, in the files that ClipTokenizer, T5Tokenizer and transformers load.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace sd35 {

struct ClipTokenizerTraining {
  int vocab_size = 49408;  // at least 514: the bytes, the bytes that end a word, start and end of text
  std::string pad_token = "<|endoftext|>";  // of CLIP-G: "!"
  int model_max_length = 77;
};

struct T5TokenizerTraining {
  int vocab_size = 32000;           // pieces; 100 sentinels come on top
  double character_coverage = 1.0;  // share of the texts' characters that get a piece
  bool split_characters = false;    // every piece is a character: a model can then see how words are spelled
  bool whole_words = false;         // pieces are characters and the texts' most frequent words: then a rare
                                    // word is spelled
  int model_max_length = 512;
};

// Both write the files into `folder` and return how many tokens there are (T5: with the sentinels); fewer
// than asked for where the texts have no more. The same bytes for the same texts. T5 vocabularies hold the
// printable characters of ASCII whether they occur or not. Throw ArgumentError for texts that are empty or
// not UTF-8 and for options out of range, FileError when a file cannot be written, and what
// train_sentencepiece() throws. `on_progress`, if set, is called often with the fraction done; it may throw
// to stop.
using OnTrainingProgress = std::function<void(double fraction)>;
int train_clip_tokenizer(const std::vector<std::string>& texts, const ClipTokenizerTraining& training,
                         const std::filesystem::path& folder, const OnTrainingProgress& on_progress = {});
int train_t5_tokenizer(const std::vector<std::string>& texts, const T5TokenizerTraining& training,
                       const std::filesystem::path& folder, const OnTrainingProgress& on_progress = {});

}  // namespace sd35
