// sd35 inspect: what a model path holds.
#include <cstdio>
#include <memory>
#include <sstream>
#include <string>

#include "commands.h"
#include "sd35/sd35.h"

namespace sd35::cli {

void add_inspect(CLI::App& app) {
  struct Arguments {
    std::string path;
    bool json = false, tensors = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("inspect", "Say what a model, a picture or another file is");
  command
      ->add_option("path", arguments->path,
                   "A model (a folder, a file, a name in the Hugging Face cache), a picture, or any file")
      ->required();
  command->add_flag("--json", arguments->json, "As JSON");
  command->add_flag("--tensors", arguments->tensors, "List every tensor");
  command->callback([arguments] {
    const std::string report = inspect(arguments->path, arguments->json, arguments->tensors);
    if (arguments->json) {
      std::fputs(report.c_str(), stdout);
      return;
    }
    std::istringstream lines(report);
    for (std::string line; std::getline(lines, line);) std::printf("%s\n", printable(line).c_str());
  });
}

}  // namespace sd35::cli
