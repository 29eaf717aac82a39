#include "text/tokenizers/train_tokenizer.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <sstream>

#include "core/error.h"
#include "text/tokenizers/byte_pair_trainer.h"
#include "text/tokenizers/clip_tokenizer.h"
#include "text/tokenizers/sentencepiece_model.h"
#include "text/tokenizers/sentencepiece_trainer.h"
#include "text/tokenizers/t5_tokenizer.h"
#include "text/tokenizers/tokenizer_files.h"
#include "text/tokenizers/unicode.h"

namespace sd35 {
namespace {

// The words that ClipTokenizer cuts the texts into.
WordCounts count_words(const std::vector<std::string>& texts, const OnTrainingProgress& on_progress) {
  WordCounts counts;
  for (const std::string& text : texts) {
    if (on_progress) on_progress(0);
    for (const std::u32string& word :
         split_clip_words(unicode::to_lower(unicode::to_nfc(unicode::decode(text)))))
      ++counts[unicode::encode(word)];
  }
  return counts;
}

std::string printable_ascii() {
  std::string characters;
  for (char c = '!'; c <= '~'; ++c) characters += c;
  return characters;
}

// The most frequent words of two letters and more, as pieces: at most `most`.
std::vector<SentencePiece> frequent_words(const std::vector<std::string>& texts, std::size_t most,
                                          const OnTrainingProgress& on_progress) {
  constexpr std::string_view punctuation = "\"'.,;:!?()";
  std::map<std::string, std::int64_t> counts;
  double total = 0;
  for (const std::string& text : texts) {
    if (on_progress) on_progress(0);
    std::istringstream parts(text);
    for (std::string word; parts >> word; ++total) {
      const std::size_t first = word.find_first_not_of(punctuation);
      if (first == std::string::npos) continue;
      word = word.substr(first, word.find_last_not_of(punctuation) + 1 - first);
      if (unicode::decode(word).size() > 1) ++counts[word];
    }
  }
  std::vector<std::pair<std::string, std::int64_t>> words(counts.begin(), counts.end());
  std::ranges::stable_sort(words, std::greater(), [](const auto& word) { return word.second; });
  if (words.size() > most) words.resize(most);
  std::vector<SentencePiece> pieces;
  const std::string mark = "\u2581";  // before a word
  for (const auto& [word, count] : words)
    pieces.push_back({mark + word, std::log(static_cast<double>(count) / total)});
  return pieces;
}

void check_length(int model_max_length) {
  if (model_max_length < 2)
    throw ArgumentError("a text of at most " + std::to_string(model_max_length) +
                        " tokens; it takes at least 2");
}

}  // namespace

int train_clip_tokenizer(const std::vector<std::string>& texts, const ClipTokenizerTraining& training,
                         const std::filesystem::path& folder, const OnTrainingProgress& on_progress) {
  constexpr int fewest = 2 * 256 + 2;
  if (training.vocab_size < fewest)
    throw ArgumentError("a CLIP vocabulary of " + std::to_string(training.vocab_size) +
                        " tokens; the least is " + std::to_string(fewest) + ", the bytes alone");
  check_length(training.model_max_length);
  const WordCounts words = count_words(texts, on_progress);
  if (words.empty()) throw ArgumentError("there is no text to learn a tokenizer from");
  const auto most = static_cast<std::size_t>(training.vocab_size - fewest);
  write_clip_tokenizer(folder, learn_merges(words, most, on_progress), training.pad_token,
                       training.model_max_length);
  return ClipTokenizer::load(folder).vocab_size();
}

int train_t5_tokenizer(const std::vector<std::string>& texts, const T5TokenizerTraining& training,
                       const std::filesystem::path& folder, const OnTrainingProgress& on_progress) {
  check_length(training.model_max_length);
  bool any = false;
  for (const std::string& text : texts) {
    if (on_progress) on_progress(0);
    for (const char32_t c : unicode::decode(text)) any |= !unicode::is_space(c);
  }
  if (!any) throw ArgumentError("there is no text to learn a tokenizer from");
  const bool characters = training.split_characters || training.whole_words;
  std::string model = train_sentencepiece(texts,
                                          {.vocab_size = training.vocab_size,
                                           .character_coverage = training.character_coverage,
                                           .longest_piece = characters ? 1 : 16,
                                           .required_characters = printable_ascii()},
                                          on_progress);
  if (training.whole_words) {
    const std::size_t used = parse_sentencepiece_model(model, "the characters").pieces.size();
    const auto wanted = static_cast<std::size_t>(training.vocab_size);
    model =
        append_pieces(std::move(model), frequent_words(texts, wanted - std::min(wanted, used), on_progress));
  }
  write_t5_tokenizer(folder, model, training.model_max_length);
  return T5Tokenizer::load(folder).vocab_size();
}

}  // namespace sd35
