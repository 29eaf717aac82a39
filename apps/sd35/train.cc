// sd35 train: makes models and LoRAs.
#include <cstdio>
#include <memory>

#include "commands.h"
#include "interrupt.h"
#include "sd35/sd35.h"
#ifdef SD35_HAS_TORCH
#include "ops/torch/torch_ops.h"
#include "train/trainer.h"
#endif

namespace sd35::cli {
namespace {

struct TrainArguments {
  std::string config;
  std::string output;
  bool resume = false;
  bool quiet = false;
  int threads = 0;
};

#ifdef SD35_HAS_TORCH
void run(const TrainArguments& arguments) {
  train::RunOptions options;
  options.folder = arguments.output;
  options.resume = arguments.resume;
  options.quiet = arguments.quiet;
  options.threads = arguments.threads;
  options.stop_requested = interrupted;
  options.on_message = [&](const std::string& message) {
    if (!arguments.quiet) std::fprintf(stderr, "%s\n", printable(message).c_str());
  };
  train::run_training(train::TrainConfig::read(arguments.config), options);
}
#else
void run(const TrainArguments& /*arguments*/) {
  throw ArgumentError(
      "this program was built without the trainer; ./train CONFIG -o FOLDER, beside ./run in the source, "
      "builds one that has it (docs/training.md)");
}
#endif

}  // namespace

void add_train(CLI::App& app) {
#ifdef SD35_HAS_TORCH
  register_torch_engine();
#endif
  auto arguments = std::make_shared<TrainArguments>();
  CLI::App* command = app.add_subcommand("train", "Train a model or a LoRA (docs/training.md)");
  command->add_option("config", arguments->config, "JSON file that says what to train on what")->required();
  command->add_option("-o,--output", arguments->output, "Folder of the run: checkpoints, figures, the result")
      ->required();
  command->add_flag("--resume", arguments->resume, "Go on from the newest checkpoint in the folder");
  command->add_option("--threads", arguments->threads, "Threads; 0: one per core")->capture_default_str();
  command->add_flag("--quiet", arguments->quiet, "Print only errors");
  command->callback([arguments] { run(*arguments); });
}

}  // namespace sd35::cli
