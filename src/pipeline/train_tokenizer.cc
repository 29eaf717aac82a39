// train_tokenizer() of the public API.
#include "text/tokenizers/train_tokenizer.h"

#include <fstream>

#include "core/error.h"
#include "sd35/sd35.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

void read_lines(const fs::path& path, std::vector<std::string>& texts) {
  std::ifstream file(path, std::ios::binary);
  if (!file || fs::is_directory(path))
    throw FileError(path.string() + ": cannot be read; texts are files with a caption a line");
  for (std::string line; std::getline(file, line);) {
    if (line.ends_with('\r')) line.pop_back();
    if (!line.empty()) texts.push_back(std::move(line));
  }
}

}  // namespace

int train_tokenizer(const TokenizerOptions& options, const std::vector<fs::path>& inputs,
                    const fs::path& output) {
  const bool clip = options.kind == "clip";
  if (!clip && options.kind != "t5")
    throw ArgumentError("a tokenizer of kind '" + options.kind + "'; there are clip and t5");
  if (clip && (options.split_characters || options.whole_words))
    throw ArgumentError(
        "split_characters and whole_words are for T5; a CLIP vocabulary of 514 has one token a byte");
  if (options.split_characters && options.whole_words)
    throw ArgumentError("either split_characters or whole_words: the second keeps frequent words whole");
  if (fs::exists(output)) throw ArgumentError("'" + output.string() + "' exists; name another folder");
  std::vector<std::string> texts;
  for (const fs::path& input : inputs) read_lines(input, texts);

  if (clip) {
    ClipTokenizerTraining training;
    if (options.vocab_size != 0) training.vocab_size = options.vocab_size;
    if (options.model_max_length != 0) training.model_max_length = options.model_max_length;
    training.pad_token = options.pad_token;
    return train_clip_tokenizer(texts, training, output);
  }
  T5TokenizerTraining training;
  if (options.vocab_size != 0) training.vocab_size = options.vocab_size;
  if (options.model_max_length != 0) training.model_max_length = options.model_max_length;
  training.character_coverage = options.character_coverage;
  training.split_characters = options.split_characters;
  training.whole_words = options.whole_words;
  return train_t5_tokenizer(texts, training, output);
}

}  // namespace sd35
