// sd35 train-tokenizer: a tokenizer for encoders that are trained from nothing.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "reporter.h"
#include "sd35/sd35.h"

namespace sd35::cli {

void add_train_tokenizer(CLI::App& app) {
  struct Arguments {
    TokenizerOptions options;
    std::vector<std::filesystem::path> inputs;
    std::string output;
    bool quiet = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("train-tokenizer", "Learn a tokenizer of CLIP or T5 from texts");
  TokenizerOptions& options = arguments->options;
  command->add_option("--kind", options.kind, "clip (byte-level BPE) or t5 (SentencePiece unigram)")
      ->required();
  command->add_option("--input", arguments->inputs, "Text files, one caption per line; may be repeated")
      ->required()
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--vocab-size", options.vocab_size,
                      "Tokens; 49408 for CLIP and 32000 for T5 unless set");
  command->add_option("--max-length", options.model_max_length,
                      "Tokens of a text that the configuration names; 77 for CLIP and 512 for T5 unless set");
  command->add_option("--pad-token", options.pad_token, "For CLIP: <|endoftext|> as CLIP-L, ! as CLIP-G")
      ->capture_default_str();
  command
      ->add_option("--character-coverage", options.character_coverage,
                   "For T5: share of the texts' characters that get a token")
      ->capture_default_str();
  command->add_flag("--split-characters", options.split_characters,
                    "For T5: one token per character, for models that must spell");
  command->add_flag(
      "--whole-words", options.whole_words,
      "For T5: tokens are the most frequent words and characters, so that rare words are spelled");
  command->add_option("-o,--output", arguments->output, "The folder to write")->required();
  command->add_flag("--quiet", arguments->quiet, "Print only errors");
  command->callback([arguments] {
    Reporter reporter(arguments->quiet ? Verbosity::quiet : Verbosity::person);
    const int tokens =
        train_tokenizer(arguments->options, arguments->inputs, arguments->output, reporter.callbacks());
    if (!arguments->quiet)
      std::fprintf(stderr, "%s: %d tokens\n", printable(arguments->output).c_str(), tokens);
  });
}

}  // namespace sd35::cli
