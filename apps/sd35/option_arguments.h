// The library's options on the command line, as options/options.h describes them.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "options/option.h"
#include "sd35/sd35.h"

namespace sd35::cli {

// Which options a command has.
using OptionFilter = std::function<bool(const Option&)>;
inline bool every_option(const Option& /*option*/) { return true; }

// Each adds its options in their groups to `command`, which sets the fields when it parses.
void add_options(CLI::App& command, GenerateOptions& options, const OptionFilter& wanted = every_option);
void add_options(CLI::App& command, LoadOptions& options, const OptionFilter& wanted = every_option);
void add_options(CLI::App& command, ModelParts& parts);

// Adds to the help of an option what only this command does with it.
void add_to_help(CLI::App& command, const std::string& name, const std::string& more);

// From now on every option and argument except texts refuses an empty value, which in a script usually comes
// from an unset variable, and the name of another option, which CLI11 would take for the value that was
// forgotten.
void refuse_missing_values(CLI::App& program);

// Throws ArgumentError where a text was given twice: of two, which one is meant?
void check_texts(const CLI::App& command);

// "--steps" of "num_inference_steps"; empty: the library has no such option.
std::string argument_of(const std::string& option);

}  // namespace sd35::cli
