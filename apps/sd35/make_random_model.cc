// sd35 make-random-model: a stand-in for the real weights.
#include <memory>

#include "commands.h"
#include "reporter.h"
#include "sd35/sd35.h"

namespace sd35::cli {

void add_make_random_model(CLI::App& app) {
  struct Arguments {
    RandomModelOptions options;
    std::string output;
    bool quiet = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("make-random-model",
                                         "Make a model with random weights and the real names and shapes");
  RandomModelOptions& options = arguments->options;
  command->add_option("--like", options.like,
                      "Folder whose configurations and tokenizers to take (size medium)");
  command->add_option("--size", options.size, "tiny or medium")->capture_default_str();
  command
      ->add_option("--layout", options.layout,
                   "diffusers (a folder) or single (one file, the original names)")
      ->capture_default_str();
  command->add_option("--dtype", options.dtype, "f32, f16 or bf16")->capture_default_str();
  command->add_option("--seed", options.seed, "Of the weights")->capture_default_str();
  command->add_option("-o,--output", arguments->output, "The folder, or the file, to write")->required();
  command->add_flag("--quiet", arguments->quiet, "Print only errors");
  command->callback([arguments] {
    Reporter reporter(arguments->quiet ? Verbosity::quiet : Verbosity::person);
    make_random_model(arguments->options, arguments->output, reporter.callbacks());
  });
}

}  // namespace sd35::cli
