// The program sd35: parses the command line and calls the library.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <iostream>
#include <new>
#include <span>
#include <string>

#include "commands.h"
#include "exit_code.h"
#include "interrupt.h"
#include "sd35/sd35.h"
#include "standard_files.h"

namespace {

using namespace sd35::cli;

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 an unexpected error, 2 a wrong option, 3 a file that is missing, broken or cannot "
    "be written, "
    "4 NaN or infinity in a computation, 130 interrupted.";

constexpr const char* kNoStandardOutput =
    "standard output cannot be written (it is closed, its disk is full, or its reader went away)";

int fail(ExitCode code, const std::string& message) {
  std::string line = message;
  for (char& c : line)
    if (c == '\n') c = ' ';
  std::fprintf(stderr, "sd35: %s\n", sd35::printable(line).c_str());
  return code;
}

// What a command can do with less.
std::string advice_on_memory(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  const std::string command = chosen.empty() ? "" : chosen.front()->get_name();
  if (command == "generate") return "; a smaller picture, --no-t5 or --vae-tiling needs less";
  if (command == "evaluate") return "; a smaller picture needs less";
  if (command == "train") return "; more accumulation or a smaller resolution needs less";
  return "";
}

int run(int argc, char** argv) {
  CLI::App app("Stable Diffusion 3.5 Medium: pictures from prompts, on a CPU, without Python", "sd35");
  app.set_version_flag("--version", "sd35 " + sd35::version());
  app.require_subcommand(1);
  app.option_defaults()->multi_option_policy(
      CLI::MultiOptionPolicy::TakeLast);  // so that scripts may add defaults
  app.footer(kFooter);
  sd35::cli::add_generate(app, std::span(argv, static_cast<std::size_t>(argc)));
  sd35::cli::add_inspect(app);
  sd35::cli::add_make_random_model(app);
  sd35::cli::add_convert(app);
  sd35::cli::add_make_dataset(app);
  sd35::cli::add_evaluate(app);
  sd35::cli::add_train(app);
  sd35::cli::add_train_tokenizer(app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    app.exit(success);
    std::cout.flush();
    if (!std::cout) return fail(kFile, kNoStandardOutput);
    return 0;
  } catch (const std::bad_alloc&) {
    return fail(kUnexpected, "out of memory" + advice_on_memory(app));
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, std::string(error.what()) + " (sd35 --help, sd35 generate --help)");
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) return fail(kFile, kNoStandardOutput);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (!hold_standard_descriptors()) return fail(kFile, "cannot open /dev/null");
  handle_signals();
  try {
    return run(argc, argv);
  } catch (const sd35::ArgumentError& error) {
    return fail(kUsage, error.what());
  } catch (const sd35::FileError& error) {
    return fail(kFile, error.what());
  } catch (const sd35::NumericError& error) {
    return fail(kNumeric, error.what());
  } catch (const sd35::Cancelled&) {
    return fail(kInterrupted, "interrupted; nothing is left half-written");
  } catch (const std::bad_alloc&) {
    return fail(kUnexpected, "out of memory");
  } catch (const std::exception& error) {
    return fail(kUnexpected, error.what());
  }
}
