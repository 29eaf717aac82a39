#include "text/tokenizers/train_tokenizer.h"

#include "core/error.h"
#include "text/tokenizers/byte_pair_trainer.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "text/tokenizers/sentencepiece_trainer.h"
#include "text/tokenizers/t5_tokenizer.h"
#include "text/tokenizers/tokenizer_files.h"
#include "text/tokenizers/unicode.h"

namespace sd35 {
namespace {

// The words that ClipTokenizer cuts the texts into.
WordCounts count_words(const std::vector<std::string>& texts) {
  WordCounts counts;
  for (const std::string& text : texts)
    for (const std::u32string& word :
         split_clip_words(unicode::to_lower(unicode::to_nfc(unicode::decode(text)))))
      ++counts[unicode::encode(word)];
  return counts;
}

std::string printable_ascii() {
  std::string characters;
  for (char c = '!'; c <= '~'; ++c) characters += c;
  return characters;
}

void check_length(int model_max_length) {
  if (model_max_length < 2)
    throw ArgumentError("a text of at most " + std::to_string(model_max_length) +
                        " tokens; it takes at least 2");
}

}  // namespace

int train_clip_tokenizer(const std::vector<std::string>& texts, const ClipTokenizerTraining& training,
                         const std::filesystem::path& folder) {
  constexpr int fewest = 2 * 256 + 2;
  if (training.vocab_size < fewest)
    throw ArgumentError("a CLIP vocabulary of " + std::to_string(training.vocab_size) +
                        " tokens; the least is " + std::to_string(fewest) + ", the bytes alone");
  check_length(training.model_max_length);
  const WordCounts words = count_words(texts);
  if (words.empty()) throw ArgumentError("there is no text to learn a tokenizer from");
  write_clip_tokenizer(folder, learn_merges(words, static_cast<std::size_t>(training.vocab_size - fewest)),
                       training.pad_token, training.model_max_length);
  return ClipTokenizer::load(folder).vocab_size();
}

int train_t5_tokenizer(const std::vector<std::string>& texts, const T5TokenizerTraining& training,
                       const std::filesystem::path& folder) {
  check_length(training.model_max_length);
  bool any = false;
  for (const std::string& text : texts)
    for (const char32_t c : unicode::decode(text)) any |= !unicode::is_space(c);
  if (!any) throw ArgumentError("there is no text to learn a tokenizer from");
  const std::string model = train_sentencepiece(texts, {.vocab_size = training.vocab_size,
                                                        .character_coverage = training.character_coverage,
                                                        .longest_piece = training.split_characters ? 1 : 16,
                                                        .required_characters = printable_ascii()});
  write_t5_tokenizer(folder, model, training.model_max_length);
  return T5Tokenizer::load(folder).vocab_size();
}

}  // namespace sd35
