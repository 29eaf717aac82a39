// The subcommands: each adds its options to the program and runs when it was the one chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "sd35/sd35.h"

namespace sd35::cli {

void add_generate(CLI::App& app);
void add_inspect(CLI::App& app);
void add_make_random_model(CLI::App& app);
void add_convert(CLI::App& app);
void add_make_dataset(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_train(CLI::App& app);
void add_train_tokenizer(CLI::App& app);

// What generate and evaluate share: --steps, --guidance-scale and --sampler, --guidance-interval and
// --block-cache.
void add_step_options(CLI::App& command, GenerateOptions& options, const std::string& group);
void add_fewer_forwards(CLI::App& command, GenerateOptions& options, const std::string& group);

}  // namespace sd35::cli
