// The arguments of a subcommand, looked over before CLI11 parses them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace sd35::cli {

// `arguments`: the name of `command` and what follows it. Throws ArgumentError for an option that the command
// does not have. Words among the options of a command without arguments of its own are one text, its
// --prompt: `generate a red star --steps 10`. What begins with a dash but holds a blank, or a digit after the
// dash, is a word, and so is all that follows "--".
std::vector<std::string> checked_arguments(const CLI::App& command,
                                           const std::vector<std::string>& arguments);

// The type name of an option that takes two numbers with a comma between them. checked_arguments() puts it
// there where a blank stands.
inline constexpr const char* kPair = "START,STOP";

// Whole numbers and fractions of every option are read as people write them: in the decimal system, with
// nothing before or after them, and refused where their type cannot hold them. CLI11 reads 010 as 8, an empty
// text as 0 and a seed that is too large as the largest.
void read_numbers_strictly(CLI::App& program);

// A finite decimal number. Throws an ArgumentError that begins with `what`.
double read_number(const std::string& what, const std::string& text);

}  // namespace sd35::cli
