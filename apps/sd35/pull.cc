// sd35 pull: a model from a hub into the cache, where its name finds it.
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

#include "commands.h"
#include "sd35/error.h"

#ifdef SD35_HAS_HUB
#include "core/digits.h"
#include "hub/pull.h"
#include "interrupt.h"
#endif

namespace sd35::cli {

#ifndef SD35_HAS_HUB

void add_pull(CLI::App& app) {
  CLI::App* command = app.add_subcommand("pull", "Fetch a model from a hub (not in this build)");
  command->allow_extras();
  command->callback([] {
    throw ArgumentError(
        "this program was built without pull: build it with -DSD35_HUB=ON (libcurl, OpenSSL)");
  });
}

#else

namespace {

constexpr const char* kPullFooter =
    "Examples:\n"
    "  sd35 pull stabilityai/stable-diffusion-3.5-medium\n"
    "  sd35 pull madebyollin/taesd3\n"
    "  sd35 pull city96/stable-diffusion-3.5-medium-gguf \"*Q8_0.gguf\"\n"
    "The cache is that of the Hugging Face tools ($HF_HUB_CACHE, $HF_HOME/hub, ~/.cache/huggingface/hub), and so is the token "
    "($HF_TOKEN, or what hf auth login has left). What was fetched in part goes on where it ended. "
    "$HF_ENDPOINT names another hub.";

// A line on a terminal that is written again; one a file elsewhere.
class ProgressLine {
 public:
  explicit ProgressLine(bool quiet) : quiet_(quiet), terminal_(isatty(STDERR_FILENO) != 0) {}

  void show(const hub::PullProgress& now) {
    if (quiet_ || now.all_bytes == 0) return;
    const auto time = std::chrono::steady_clock::now();
    const bool other_file = now.file != file_;
    if (terminal_ ? time - shown_ < std::chrono::milliseconds(200) : !other_file) return;
    shown_ = time;
    file_ = now.file;
    std::fprintf(stderr, terminal_ ? "\r%3.0f %% of %s MB: %s\x1b[K" : "%3.0f %% of %s MB: %s\n",
                 100 * static_cast<double>(now.bytes) / static_cast<double>(now.all_bytes),
                 with_commas((now.all_bytes + 999'999) / 1'000'000).c_str(), now.file.c_str());
    open_ = terminal_;
  }
  void end() {
    if (open_) std::fputs("\r\x1b[K", stderr);
    open_ = false;
  }

 private:
  bool quiet_, terminal_, open_ = false;
  std::string file_;
  std::chrono::steady_clock::time_point shown_;
};

}  // namespace

void add_pull(CLI::App& app) {
  struct Arguments {
    std::string name;
    hub::PullOptions options;
    bool quiet = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("pull", "Fetch a model from a hub: sd35 pull NAME");
  command->footer(kPullFooter);
  command->add_option("name", arguments->name, "organisation/model, as the hub has it")->required();
  command->add_option("files", arguments->options.files,
                      "Files of it, where * stands for any characters; default: what sd35 needs of it, once");
  command->add_option("--revision", arguments->options.revision, "A branch, a tag or a commit")
      ->capture_default_str();
  command->add_flag("--no-t5{false}", arguments->options.t5,
                    "Without the largest text encoder, for generate --no-t5");
  command->add_flag("--quiet", arguments->quiet, "Print only the folder and errors");
  command->callback([arguments] {
    ProgressLine line(arguments->quiet);
    hub::PullCallbacks callbacks;
    callbacks.on_progress = [&](const hub::PullProgress& now) {
      line.show(now);
      return !interrupted();
    };
    hub::PullReport report;
    try {
      report = hub::pull(arguments->name, arguments->options, callbacks);
    } catch (...) {
      line.end();
      throw;
    }
    line.end();
    if (!arguments->quiet) {
      std::fprintf(stderr, "%s files, %s bytes, of which %s came now\n", with_commas(report.files).c_str(),
                   with_commas(report.bytes).c_str(), with_commas(report.fetched).c_str());
      if (!report.license.empty())
        std::fprintf(stderr, "licence: %s%s%s\n", report.license.c_str(),
                     report.license_link.empty() ? "" : ", ", report.license_link.c_str());
    }
    std::printf("%s\n", report.folder.c_str());
  });
}

#endif

}  // namespace sd35::cli
