// The subcommands: each adds its options to the program and runs when it was the one chosen.
#pragma once

#include <CLI/CLI.hpp>

namespace sd35::cli {

void add_generate(CLI::App& app);
void add_inspect(CLI::App& app);
void add_make_random_model(CLI::App& app);
void add_convert(CLI::App& app);
void add_make_dataset(CLI::App& app);
void add_evaluate(CLI::App& app);
void add_pull(CLI::App& app);
void add_serve(CLI::App& app);
void add_train(CLI::App& app);
void add_train_tokenizer(CLI::App& app);

}  // namespace sd35::cli
