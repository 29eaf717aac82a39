// The program sd35: parses the command line and calls the library.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <span>
#include <string>

#include "commands.h"
#include "interrupt.h"
#include "sd35/sd35.h"

namespace {

enum ExitCode : int {
  kUnexpected = 1,
  kUsage = 2,
  kFile = 3,
  kNumeric = 4,
  kInterrupted = 130,
};

constexpr const char* kFooter =
    "Exit codes: 0 done, 1 an unexpected error, 2 a wrong option, 3 a file that is missing, broken or cannot "
    "be written, "
    "4 NaN or infinity in a computation, 130 interrupted.";

int fail(ExitCode code, const std::string& message) {
  std::string line = message;
  for (char& c : line)
    if (c == '\n') c = ' ';
  std::fprintf(stderr, "sd35: %s\n", sd35::printable(line).c_str());
  return code;
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
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    return fail(kUsage, std::string(error.what()) + " (sd35 --help, sd35 generate --help)");
  }
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return fail(kFile, "standard output cannot be written (a full disk, or a reader that went away)");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  sd35::cli::catch_interrupts();
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
    return fail(kUnexpected, "out of memory; a smaller picture, --no-t5 or --vae-tiling needs less");
  } catch (const std::exception& error) {
    return fail(kUnexpected, error.what());
  }
}
