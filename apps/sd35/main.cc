// The program sd35: parses the command line and calls the library.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iostream>
#include <new>
#include <string>
#include <vector>

#include "arguments.h"
#include "commands.h"
#include "core/similar_names.h"
#include "exit_code.h"
#include "interrupt.h"
#include "option_arguments.h"
#include "sd35/sd35.h"
#include "standard_files.h"
#include "with_torch.h"

namespace {

using namespace sd35::cli;

constexpr const char* kExitCodes =
    "Exit codes: 0 done, 1 an unexpected error, 2 a wrong option, 3 a file that is missing, broken or "
    "cannot be written, 4 NaN or infinity in a computation, 130 interrupted.";

constexpr const char* kNoStandardOutput =
    "standard output cannot be written (it is closed, its disk is full, or its reader went away)";

int fail(ExitCode code, const std::string& message) {
  std::string line = message;
  for (char& c : line)
    if (c == '\n') c = ' ';
  std::fprintf(stderr, "sd35: %s\n", sd35::printable(line).c_str());
  return code;
}

// " (--steps)" where the library has another name for an option.
std::string in_words_of_the_command_line(const sd35::Error& error) {
  const std::string argument = argument_of(error.option());
  const bool said =
      argument == "--" + error.option() || std::string(error.what()).find(argument) != std::string::npos;
  return argument.empty() || said ? "" : " (" + argument + ")";
}

// What a command can do with less.
std::string advice_on_memory(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  const std::string command = chosen.empty() ? "" : chosen.front()->get_name();
  if (command == "generate" || command == "evaluate")
    return "; a smaller picture, --no-t5 or --vae-tiling needs less";
  if (command == "train") return "; more accumulation or a smaller resolution needs less";
  return "";
}

std::string listed(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : ", ") + name;
  return list;
}

// The command that the first argument names. `help COMMAND` becomes `COMMAND --help`.
const CLI::App* find_command(const CLI::App& program, std::vector<std::string>& arguments) {
  if (!arguments.empty() && arguments[0] == "help") {
    arguments.erase(arguments.begin());
    arguments.insert(arguments.begin() + (arguments.empty() ? 0 : 1), "--help");
  }
  std::vector<std::string> names;
  for (const CLI::App* command : program.get_subcommands([](const CLI::App*) { return true; })) {
    if (!arguments.empty() && arguments[0] == command->get_name()) return command;
    names.push_back(command->get_name());
  }
  if (arguments.empty()) throw sd35::ArgumentError("which command? " + listed(names) + " (sd35 help)");
  if (arguments[0].starts_with('-')) return nullptr;
  const std::string suggestion = sd35::did_you_mean(arguments[0], names);
  throw sd35::ArgumentError("unknown command '" + arguments[0] + "'" +
                            (suggestion.empty() ? "; there are " + listed(names) : suggestion));
}

int run(std::vector<std::string> arguments) {
  CLI::App app("Stable Diffusion 3.5 Medium: pictures from prompts, on a CPU, without Python", "sd35");
  app.set_version_flag("--version", "sd35 " + sd35::version());
  app.require_subcommand(1);
  app.option_defaults()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);  // so that scripts may add defaults
  app.footer(kExitCodes);
  sd35::cli::add_generate(app);
  sd35::cli::add_inspect(app);
  sd35::cli::add_make_random_model(app);
  sd35::cli::add_convert(app);
  sd35::cli::add_pull(app);
  sd35::cli::add_serve(app);
  sd35::cli::add_make_dataset(app);
  sd35::cli::add_evaluate(app);
  sd35::cli::add_train(app);
  sd35::cli::add_train_tokenizer(app);
  sd35::cli::read_numbers_strictly(app);
  sd35::cli::refuse_missing_values(app);
  const CLI::App* command = find_command(app, arguments);
  if (command != nullptr) arguments = sd35::cli::checked_arguments(*command, arguments);
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));  // the last first
  } catch (const CLI::Success& success) {                                       // --help, --version
    app.exit(success);
    std::cout.flush();
    if (!std::cout) return fail(kFile, kNoStandardOutput);
    return 0;
  } catch (const std::bad_alloc&) {
    return fail(kUnexpected, sd35::MemoryError().what() + advice_on_memory(app));
  } catch (const sd35::MemoryError& error) {
    return fail(kUnexpected, error.what() + advice_on_memory(app));
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, std::string(error.what()) + " (sd35 " +
                            (command == nullptr ? "" : command->get_name() + " ") + "--help)");
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return fail(kFile, kNoStandardOutput);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  if (want_torch(arguments)) continue_with_torch();
  if (!hold_standard_descriptors()) return fail(kFile, "cannot open /dev/null");
  handle_signals();
  try {
    return run(arguments);
  } catch (const sd35::ArgumentError& error) {
    return fail(kUsage, error.what() + in_words_of_the_command_line(error));
  } catch (const sd35::FileError& error) {
    return fail(kFile, error.what());
  } catch (const sd35::NumericError& error) {
    return fail(kNumeric, error.what());
  } catch (const sd35::cli::Interrupted& stopped) {
    return fail(kInterrupted, std::string("interrupted; ") + stopped.what());
  } catch (const sd35::Cancelled&) {
    return fail(kInterrupted, "interrupted; nothing is left half-written");
  } catch (const std::filesystem::filesystem_error& error) {
    return fail(kFile, std::string(error.what()));
  } catch (const std::bad_alloc&) {
    return fail(kUnexpected, sd35::MemoryError().what());
  } catch (const std::exception& error) {
    return fail(kUnexpected, error.what());
  }
}
