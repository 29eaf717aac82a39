// train_tokenizer() of the public API.
#include "text/tokenizers/train_tokenizer.h"

#include "api/translated.h"
#include "core/error.h"
#include "core/file_reader.h"
#include "core/new_folder.h"
#include "core/progress.h"
#include "sd35/sd35.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

// Captions are kept in memory while a tokenizer learns from them.
constexpr std::uint64_t kLargestInput = std::uint64_t{1} << 34;

void read_texts(const fs::path& path, const StageProgress& progress, std::vector<std::string>& texts) {
  for_each_line(path, kLargestInput, [&](std::int64_t, std::string_view line) {
    progress.report(0);
    if (!line.empty()) texts.emplace_back(line);
  });
}

int train_clip(const TokenizerOptions& options, const std::vector<std::string>& texts, const fs::path& folder,
               const OnTrainingProgress& on_progress) {
  ClipTokenizerTraining training;
  if (options.vocab_size != 0) training.vocab_size = options.vocab_size;
  if (options.model_max_length != 0) training.model_max_length = options.model_max_length;
  training.pad_token = options.pad_token;
  return train_clip_tokenizer(texts, training, folder, on_progress);
}

int train_t5(const TokenizerOptions& options, const std::vector<std::string>& texts, const fs::path& folder,
             const OnTrainingProgress& on_progress) {
  T5TokenizerTraining training;
  if (options.vocab_size != 0) training.vocab_size = options.vocab_size;
  if (options.model_max_length != 0) training.model_max_length = options.model_max_length;
  training.character_coverage = options.character_coverage;
  training.split_characters = options.split_characters;
  training.whole_words = options.whole_words;
  return train_t5_tokenizer(texts, training, folder, on_progress);
}

void check_kind(const TokenizerOptions& options) {
  const bool clip = options.kind == "clip";
  if (!clip && options.kind != "t5")
    throw ArgumentError("a tokenizer of kind '" + options.kind + "'; there are clip and t5");
  if (clip && (options.split_characters || options.whole_words))
    throw ArgumentError(
        "split_characters and whole_words are for T5; a CLIP vocabulary of 514 has one token per byte");
  if (options.split_characters && options.whole_words)
    throw ArgumentError("either split_characters or whole_words: the second keeps frequent words whole");
}

int learn(const TokenizerOptions& options, const std::vector<fs::path>& inputs, const fs::path& output,
          const Callbacks& callbacks) {
  const StageProgress progress(callbacks, Stage::train_tokenizer);
  const auto on_progress = [&](double fraction) { progress.report(fraction); };
  NewFolder folder(output);
  std::vector<std::string> texts;
  for (const fs::path& input : inputs) read_texts(input, progress, texts);
  const int tokens = options.kind == "clip" ? train_clip(options, texts, folder / "", on_progress)
                                            : train_t5(options, texts, folder / "", on_progress);
  folder.commit();
  progress.report(1);
  return tokens;
}

}  // namespace

int train_tokenizer(const TokenizerOptions& options, const std::vector<fs::path>& inputs,
                    const fs::path& output, const Callbacks& callbacks) {
  return translated(callbacks, [&](const Callbacks& watched) {
    check_kind(options);
    return learn(options, inputs, output, watched);
  });
}

}  // namespace sd35
