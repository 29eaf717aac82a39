// sd35 evaluate: what models make of prompts, scored by programs.
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>

#include "commands.h"
#include "interrupt.h"
#include "option_arguments.h"
#include "reporter.h"
#include "sd35/sd35.h"
#ifdef SD35_HAS_EVALUATION
#include "evaluation/evaluate.h"
#include "scene_scoring.h"
#endif

namespace sd35::cli {
namespace {

constexpr const char* kEvaluateFooter =
    "Example:\n"
    "  sd35 evaluate --model models/default --prompts colour.jsonl words.jsonl -o report\n"
    "Prompts are written by sd35 make-dataset --prompts FILE --kind KIND -n 200; a text file with a prompt "
    "per line gives pictures without scores. Pictures that the folder holds already are not drawn again. "
    "What is scored, and how well: docs/evaluation.md.";

// The prompts come from files, each as often as --seeds says.
bool is_of_every_picture(const Option& option) {
  return option.name != "prompt" && option.name != "prompt_2" && option.name != "prompt_3" &&
         option.name != "count";
}

struct EvaluateArguments {
  std::vector<std::string> models, labels, compare, prompts;
  std::string output, reconstruct;
  LoadOptions load;
  GenerateOptions generate;
  int seeds = 1;
  bool no_drawn = false;
  bool quiet = false;
};

#ifdef SD35_HAS_EVALUATION

// models/default -> default; a name in the cache: what follows the slash.
std::string label_of(const std::string& model) {
  std::filesystem::path path(model);
  if (!path.has_filename()) path = path.parent_path();
  return path.filename().string();
}

EvaluationOptions read_options(const EvaluateArguments& arguments) {
  EvaluationOptions options;
  const auto scoring = std::make_shared<SceneScoring>(arguments.prompts);
  options.prompts = scoring->prompts();
  options.groups = scoring->groups();
  options.scoring = scoring;
  options.folder = arguments.output;
  options.compare.assign(arguments.compare.begin(), arguments.compare.end());
  options.generate = arguments.generate;
  options.seeds = arguments.seeds;
  options.threads = arguments.load.threads;
  options.drawn = !arguments.no_drawn;
  options.reconstruct = arguments.reconstruct;
  options.reconstruct_load = arguments.load;
  if (!arguments.labels.empty() && arguments.labels.size() != arguments.models.size())
    throw ArgumentError("--label names a --model: give as many as there are models");
  for (std::size_t i = 0; i < arguments.models.size(); ++i)
    options.candidates.push_back(
        {arguments.labels.empty() ? label_of(arguments.models[i]) : arguments.labels[i], arguments.models[i],
         arguments.load});
  return options;
}

void run(const EvaluateArguments& arguments) {
  const EvaluationOptions options = read_options(arguments);
  const auto start = std::chrono::steady_clock::now();
  double shown = 0;
  std::string state = "the beginning";
  const EvaluationProgress progress = [&](const std::string& what, std::size_t done, std::size_t total) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!arguments.quiet && (done == total || seconds - shown > 5)) {
      shown = seconds;
      std::fprintf(stderr, "%s: %zu of %zu, %s\n", what.c_str(), done, total, duration(seconds).c_str());
    }
    state = what + ", " + std::to_string(done) + " of " + std::to_string(total);
    return !interrupted();
  };
  Callbacks callbacks;
  callbacks.on_progress = [](const Progress&) { return !interrupted(); };
  callbacks.on_warning = [&](const std::string& warning) {
    if (!arguments.quiet) std::fprintf(stderr, "sd35: warning: %s\n", printable(warning).c_str());
  };
  Evaluation evaluation;
  try {
    evaluation = evaluate(options, progress, callbacks);
  } catch (const Cancelled&) {
    throw Interrupted("got as far as " + state +
                      "; the pictures are kept, and the same command goes on with them");
  }
  write_report(options.folder, evaluation);
  std::printf("%s%s\n", summary_of(evaluation).c_str(), (options.folder / "report.html").c_str());
}

#else

void run(const EvaluateArguments& /*arguments*/) {
  throw ArgumentError(
      "this program was built without evaluation; in the source, tools/build-program build-tools "
      "\"build scenes evaluation\" -DSD35_SCENES=ON -DSD35_EVALUATION=ON makes build-tools/bin/sd35, which "
      "has it");
}

#endif

}  // namespace

void add_evaluate(CLI::App& app) {
  auto arguments = std::make_shared<EvaluateArguments>();
  CLI::App* command = app.add_subcommand("evaluate", "Score models on prompts");
  const auto several = [&](const char* name, std::vector<std::string>& values, const char* help) {
    return command->add_option(name, values, help)->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  };
  several("-m,--model", arguments->models, "A model, as for sd35 generate; several are compared")
      ->allow_extra_args(false);
  several("--label", arguments->labels, "Its name in the report; default: that of its folder")
      ->allow_extra_args(false);
  several("--compare", arguments->compare,
          "The folder of an earlier report of the same prompts, for its models")
      ->allow_extra_args(false);
  several("--prompts", arguments->prompts, "Files of prompts")->required();
  command->add_option("-o,--output", arguments->output, "The folder of the report")->required();
  command->add_option("--seeds", arguments->seeds, "Pictures of each prompt")->capture_default_str();
  command->add_option("--reconstruct", arguments->reconstruct,
                      "A model whose autoencoder encodes and decodes the drawn scenes, to be scored again");
  command->add_flag("--no-drawn", arguments->no_drawn,
                    "Do not draw and score the scenes that the prompts were made from");
  command->add_flag("--quiet", arguments->quiet, "Say nothing but the result and errors");
  add_options(*command, arguments->generate, is_of_every_picture);
  add_options(*command, arguments->load, [](const Option& option) { return option.name != "preview_with"; });
  add_to_help(*command, "--seed", "; the next one has the next seed");
  command->footer(kEvaluateFooter);
  command->callback([arguments, command] {
    check_texts(*command);
    run(*arguments);
  });
}

}  // namespace sd35::cli
