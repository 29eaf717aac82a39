// sd35 serve: a server for pages and programs.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "argument_values.h"
#include "arguments.h"
#include "commands.h"
#include "interrupt.h"
#include "option_arguments.h"
#include "sd35/sd35.h"
#ifdef SD35_HAS_SERVER
#include "serving/serve.h"
#endif

namespace sd35::cli {

#ifndef SD35_HAS_SERVER

void add_serve(CLI::App& app) {
  CLI::App* command = app.add_subcommand("serve", "Serve a page and programs (not in this build)");
  command->allow_extras();
  command->callback([] {
    throw ArgumentError("this program was built without its server: build it with -DSD35_SERVER=ON");
  });
}

#else

namespace {

constexpr const char* kServeFooter =
    "Examples:\n"
    "  sd35 serve --model models/default\n"
    "  sd35 serve --model small=models/default --model sd35=stabilityai/stable-diffusion-3.5-medium "
    "--loras loras/\n"
    "  sd35 serve --models /srv/models --host 0.0.0.0 --token-file /etc/sd35/token\n"
    "What it answers: docs/serving.md.";

struct ServeArguments {
  serving::ServeOptions options;
  std::vector<std::string> models;
  std::string token_file;
  std::string log = "text";
  std::string drain = "60s", unload_after = "10m";
  std::uint64_t max_body = 32'000'000, keep_results = 256'000'000;
  std::string max_pixels = "2.1MP";
};

// "60s", "10m", "1h", or a number of seconds.
std::chrono::seconds duration_argument(const std::string& name, const std::string& text) {
  std::string number = text;
  const char unit = number.empty() ? ' ' : number.back();
  const int scale = unit == 'h' ? 3600 : unit == 'm' ? 60 : 1;
  if (unit == 'h' || unit == 'm' || unit == 's') number.pop_back();
  const double seconds = read_number(name, number) * scale;
  if (!(seconds >= 0 && seconds <= 1e9)) throw ArgumentError(name + " takes a time such as 60s, 10m or 1h");
  return std::chrono::seconds(static_cast<std::int64_t>(seconds));
}

// "2.1MP", or a number of pixels.
std::uint64_t pixels_argument(const std::string& name, const std::string& text) {
  const bool millions = text.ends_with("MP");
  const double number = read_number(name, millions ? text.substr(0, text.size() - 2) : text);
  const double pixels = number * (millions ? 1e6 : 1);
  if (!(pixels >= 256 && pixels <= 1e9))
    throw ArgumentError(name + " takes a number of pixels such as 2.1MP");
  return static_cast<std::uint64_t>(pixels);
}

// The first line of the file, else SD35_TOKEN of the environment. Arguments are seen by everybody.
std::string read_token(const std::string& file) {
  std::string token;
  if (file.empty()) {
    if (const char* given = std::getenv("SD35_TOKEN")) token = given;
    return token;
  }
  std::ifstream input(file);
  if (!input) throw FileError("cannot read the token in '" + file + "'", {}, file);
  std::getline(input, token);
  while (!token.empty() && (token.back() == '\r' || token.back() == ' ')) token.pop_back();
  if (token.empty()) throw FileError("the first line of '" + file + "' holds no token", {}, file);
  return token;
}

void run(ServeArguments& arguments) {
  serving::ServeOptions& options = arguments.options;
  if (arguments.models.empty() && options.models.folder.empty())
    if (const char* model = std::getenv("SD35_MODEL"); model != nullptr && *model != '\0')
      arguments.models = {model};
  for (const std::string& model : arguments.models)
    options.models.models.push_back(serving::named_model_from_text(model));
  options.token = read_token(arguments.token_file);
  options.drain = duration_argument("--drain", arguments.drain);
  options.models.unload_after = duration_argument("--unload-after", arguments.unload_after);
  options.server.body_bytes = arguments.max_body;
  options.queue.kept_bytes = arguments.keep_results;
  options.request.pixels = pixels_argument("--max-pixels", arguments.max_pixels);
  options.log_json = arguments.log == "json";
  while (!options.public_url.empty() && options.public_url.back() == '/') options.public_url.pop_back();
  serving::serve(
      options,
      [](const serving::Address& address) {
        const bool six = address.host.find(':') != address.host.npos;
        std::printf("listening on http://%s:%d\n", (six ? "[" + address.host + "]" : address.host).c_str(),
                    address.port);
        std::fflush(stdout);
      },
      interrupted);
}

void add_model_options(CLI::App& command, ServeArguments& arguments) {
  const std::string group = "Models";
  serving::ModelsConfig& models = arguments.options.models;
  command
      .add_option(
          "-m,--model", arguments.models,
          "NAME=PATH, or PATH: a model as --model of generate takes it, by the name that clients use; may be given "
          "several times, the first is the default; default: the environment variable SD35_MODEL")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->type_name("NAME=PATH")
      ->group(group);
  command.add_option("--models", models.folder, "A folder whose models are offered by their names")
      ->type_name("FOLDER")
      ->group(group);
  command.add_option("--loras", models.loras, "A folder whose LoRAs a request may name")
      ->type_name("FOLDER")
      ->group(group);
  command.add_option("--max-loaded", models.max_loaded, "Models whose weights are in memory at once")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000))
      ->group(group);
  command
      .add_option("--unload-after", arguments.unload_after,
                  "Without a picture a model leaves memory; 0: never")
      ->capture_default_str()
      ->type_name("TIME")
      ->group(group);
}

void add_address_options(CLI::App& command, ServeArguments& arguments) {
  const std::string group = "Who may ask";
  serving::ServeOptions& options = arguments.options;
  command
      .add_option("--host", options.address.host,
                  "The address to listen on; others than this machine's need a token")
      ->capture_default_str()
      ->type_name("ADDRESS")
      ->group(group);
  command.add_option("--port", options.address.port, "0: one that is free, which is printed")
      ->capture_default_str()
      ->check(CLI::Range(0, 65535))
      ->group(group);
  command
      .add_option(
          "--token-file", arguments.token_file,
          "A file whose first line every request must show (Bearer, or the password of Basic); or the environment "
          "variable SD35_TOKEN")
      ->type_name("FILE")
      ->group(group);
  const auto several = [&](const char* name, std::vector<std::string>& values, const char* help,
                           const char* type) {
    command.add_option(name, values, help)
        ->allow_extra_args(false)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
        ->type_name(type)
        ->group(group);
  };
  several("--allow-host", options.hosts,
          "Another name of this machine, besides localhost; may be given several times", "NAME");
  several("--cors-origin", options.origins, "Pages of this origin may call, as https://example.org; likewise",
          "URL");
  command
      .add_option("--public-url", options.public_url,
                  "The address in links to pictures; default: as it was called")
      ->type_name("URL")
      ->group(group);
}

void add_limit_options(CLI::App& command, ServeArguments& arguments) {
  const std::string group = "Limits";
  serving::ServeOptions& options = arguments.options;
  const auto size = [&](const char* name, std::uint64_t& bytes, const char* help) {
    command.add_option(name, bytes, help)
        ->transform([name](const std::string& text) { return memory_argument(name, text); })
        ->type_name("SIZE")
        ->capture_default_str()
        ->group(group);
  };
  command.add_option("--queue", options.queue.length, "Jobs that may wait")
      ->capture_default_str()
      ->group(group);
  command.add_option("--max-pixels", arguments.max_pixels, "Of a picture")
      ->capture_default_str()
      ->type_name("PIXELS")
      ->group(group);
  command.add_option("--max-steps", options.request.steps, "Of a picture")
      ->capture_default_str()
      ->group(group);
  command.add_option("--max-count", options.request.count, "Pictures of a job")
      ->capture_default_str()
      ->group(group);
  size("--max-body", arguments.max_body, "Of a request");
  size("--keep-results", arguments.keep_results, "Pictures that stay to be fetched, up to ten minutes");
  command.add_option("--connections", options.server.connections, "At once")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--connections-per-address", options.server.connections_per_address,
                  "Of another machine; 0: any number")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--drain", arguments.drain,
                  "What the picture in progress is given when the server is asked to end")
      ->capture_default_str()
      ->type_name("TIME")
      ->group(group);
}

void add_page_options(CLI::App& command, ServeArguments& arguments) {
  const std::string group = "Page and log";
  CLI::Option* folder = command
                            .add_option("--page", arguments.options.page_folder,
                                        "Shows the page in this folder, for its developers")
                            ->type_name("FOLDER")
                            ->group(group);
  command
      .add_flag_callback(
          "--no-page", [&arguments] { arguments.options.page = false; }, "Serves programs alone")
      ->excludes(folder)
      ->group(group);
  command
      .add_option("--log", arguments.log,
                  "text or json, a line for each request and job, on the standard error")
      ->capture_default_str()
      ->check(CLI::IsMember({"text", "json"}))
      ->group(group);
  command.add_flag("--log-prompts", arguments.options.log_prompts, "The log holds the prompts of jobs")
      ->group(group);
}

}  // namespace

void add_serve(CLI::App& app) {
  auto arguments = std::make_shared<ServeArguments>();
  CLI::App* command = app.add_subcommand("serve", "Serve a page, and programs by HTTP");
  command->footer(kServeFooter);
  add_model_options(*command, *arguments);
  add_address_options(*command, *arguments);
  add_limit_options(*command, *arguments);
  add_page_options(*command, *arguments);
  LoadOptions& load = arguments->options.models.load;
  load.keep = "all";
  add_options(*command, load, [](const Option& option) { return option.name != "loras"; });
  command->callback([arguments] { run(*arguments); });
}

#endif

}  // namespace sd35::cli
