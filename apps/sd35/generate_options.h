// The options of sd35 generate that say what to draw, and with what.
#pragma once

#include <CLI/CLI.hpp>

#include "sd35/sd35.h"

namespace sd35::cli {

// Each adds its groups to `command`, which sets the fields when it parses.
void add_prompt_options(CLI::App& command, GenerateOptions& options);
void add_picture_options(CLI::App& command, GenerateOptions& options);
void add_sampling_options(CLI::App& command, GenerateOptions& options);
void add_model_options(CLI::App& command, LoadOptions& load);

// Throws ArgumentError where a text was given twice: of two, which one is meant?
void check_prompts(const CLI::App& command);

}  // namespace sd35::cli
