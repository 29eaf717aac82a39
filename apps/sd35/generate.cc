// sd35 generate: from prompts to picture files.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "commands.h"
#include "draw_into_files.h"
#include "draw_prompts.h"
#include "draw_sheet.h"
#include "option_arguments.h"
#include "options/preset.h"
#include "output_names.h"
#include "recipe_files.h"
#include "reporter.h"
#include "sd35/sd35.h"
#include "with_torch.h"

namespace sd35::cli {
namespace {

constexpr const char* kGenerateFooter =
    "Examples:\n"
    "  sd35 generate -m stable-diffusion-3.5-medium \"a capybara holding a sign\" -o capybara.png\n"
    "  sd35 generate -m models/default two red stars --count 4 -o stars/\n"
    "  sd35 generate --from-image capybara.png --steps 20\n"
    "  sd35 generate -m models/default --prompts prompts.txt -o pictures/\n"
    "  sd35 generate -m model.gguf --clip-l l.safetensors --clip-g g.safetensors --no-t5 "
    "--tokenizers tokenizers cat\n"
    "Of an option that is given twice the last one counts, but for the texts. "
    "More: docs/options.md, docs/memory.md, docs/lora.md.";

struct GenerateArguments {
  Recipe recipe;
  std::string picture;  // whose recipe that is; empty: nobody's
  std::string output;
  std::string preview;
  int preview_every = 1;
  std::string profile;
  std::string prompts;  // a file of them
  std::string format;   // of its pictures
  std::string shard;
  std::vector<std::string> grid;  // axes of a sheet
  bool quiet = false;
  bool json = false;
  std::vector<std::string> warnings;
};

OutputNames output_names(const GenerateArguments& arguments) {
  const GenerateOptions& options = arguments.recipe.generate;
  std::vector<std::uint64_t> seeds;
  const int count = std::clamp(options.count, 1, 1000);  // the library refuses others
  for (int i = 0; i < count; ++i) seeds.push_back(options.seed + static_cast<std::uint64_t>(i));
  OutputNames names(arguments.output, seeds);
  if (names.to_standard_output() && arguments.json)
    throw ArgumentError("--json and --output - both need the standard output");
  return names;
}

void check_modes(const GenerateArguments& arguments) {
  const bool prompts = !arguments.prompts.empty(), grid = !arguments.grid.empty();
  if (prompts && grid) throw ArgumentError("--prompts and --grid do not go together");
  if (!prompts && !arguments.shard.empty()) throw ArgumentError("--shard is a part of --prompts");
  if (!prompts && !arguments.format.empty())
    throw ArgumentError("--format is of --prompts; elsewhere the name that --output gives decides");
  if ((prompts || grid) && arguments.recipe.generate.count != 1)
    throw ArgumentError(prompts ? "--prompts draws one picture a line; --count is for one prompt"
                                : "--grid draws one picture a cell; --count is for others");
}

// Calls `draw` with what drawing takes.
void with_pipeline(const GenerateArguments& arguments, std::FILE* results,
                   const std::function<void(const Pipeline&, const Callbacks&, Reporter&)>& draw) {
  if (!arguments.preview.empty()) check_output(arguments.preview);
  check_different({{"--preview", arguments.preview}, {"--profile", arguments.profile}});
  Reporter reporter(arguments.json    ? Verbosity::json
                    : arguments.quiet ? Verbosity::quiet
                                      : Verbosity::person,
                    results);
  Callbacks callbacks = reporter.callbacks();
  for (const std::string& warning : arguments.warnings) callbacks.on_warning(warning);
  callbacks.preview_every = arguments.preview_every;
  if (!arguments.preview.empty())
    callbacks.on_preview = [&, lost = false](const Picture& preview, int /*step*/) mutable {
      try {
        if (!lost) save(preview, arguments.preview);
      } catch (const FileError& error) {  // the pictures do not need it
        lost = true;
        callbacks.on_warning(std::string(error.what()) + "; there are no more previews");
      }
    };

  Pipeline pipeline = Pipeline::from_pretrained(arguments.recipe.model, arguments.recipe.load);
  if (!arguments.profile.empty()) pipeline.start_profile(arguments.profile);
  draw(pipeline, callbacks, reporter);
  if (!arguments.profile.empty()) std::fputs(pipeline.finish_profile().c_str(), stderr);
}

void draw_prompts(const GenerateArguments& arguments) {
  const GenerateOptions& options = arguments.recipe.generate;
  const PromptFolder folder(arguments.prompts, arguments.output,
                            arguments.format.empty() ? "png" : arguments.format,
                            arguments.shard.empty() ? Shard{} : shard_argument(arguments.shard));
  with_pipeline(arguments, stdout,
                [&](const Pipeline& pipeline, const Callbacks& callbacks, Reporter& reporter) {
                  folder.check(pipeline, options);
                  folder.draw(pipeline, options, callbacks, reporter);
                });
}

void run(const GenerateArguments& arguments) {
  check_modes(arguments);
  if (!arguments.prompts.empty()) return draw_prompts(arguments);
  const GenerateOptions& options = arguments.recipe.generate;
  const OutputNames names = output_names(arguments);
  names.check_other("--preview", arguments.preview);
  names.check_other("--profile", arguments.profile);
  std::optional<SheetOfPictures> sheet;
  if (!arguments.grid.empty()) sheet.emplace(arguments.grid);
  with_pipeline(arguments, names.to_standard_output() ? stderr : stdout,
                [&](const Pipeline& pipeline, const Callbacks& callbacks, Reporter& reporter) {
                  if (!sheet) return draw_into_files(pipeline, options, callbacks, names, reporter);
                  sheet->check(pipeline, options);
                  sheet->draw(pipeline, options, callbacks, names, reporter);
                });
}

std::string in_one_line(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += (list.empty() ? "" : "; ") + name;
  return list;
}

std::string model_of_environment() {
  const char* model = std::getenv("SD35_MODEL");
  if (model != nullptr && *model != '\0') return model;
  throw ArgumentError(
      "which model? --model (or SD35_MODEL in the environment) takes a folder, a file or a name "
      "in the Hugging Face cache");
}

void add_mode_options(CLI::App& command, GenerateArguments& arguments) {
  const std::string group = "Many pictures";
  command
      .add_option(
          "--prompts", arguments.prompts,
          "A file with a prompt a line, or a JSON object of options (docs/options.md); -: the standard "
          "input. The line 123, counted from 0, is drawn into the folder that --output names as "
          "000123.png, unless that is there, with the seed --seed (default 0) + 123")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--shard", arguments.shard,
                  "Of --prompts only the lines whose number divided by N leaves I, for N programs")
      ->type_name("I/N")
      ->group(group);
  command
      .add_option("--format", arguments.format,
                  "Of the pictures of --prompts: png, jpg or webp; default: png")
      ->group(group);
  command
      .add_option("--grid", arguments.grid,
                  "A sheet of pictures, whose columns take an option through values, as in guidance=3,4.5,6; "
                  "given twice, also its rows, as in steps=10,20")
      ->allow_extra_args(false)
      ->type_name("OPTION=VALUES")
      ->group(group);
}

void add_output_options(CLI::App& command, GenerateArguments& arguments) {
  const std::string group = "Output";
  command
      .add_option(
          "-o,--output", arguments.output,
          "A file (.png, .jpg, .webp), which is replaced; a folder, where nothing is; a name with {seed} or "
          "{index} in it; -: the standard output. Several pictures of one name are numbered. Default: "
          "out.png, or the next free name, out-2.png")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--preview", arguments.preview,
                  "Keeps a small picture of the work in progress in this file")
      ->type_name("FILE")
      ->group(group);
  command
      .add_option("--preview-every", arguments.preview_every,
                  "Steps from one preview to the next; default: 1")
      ->check(CLI::Range(1, 1000))
      ->type_name("STEPS")
      ->group(group);
  command
      .add_option("--profile", arguments.profile,
                  "Times every operation: a trace in this file (chrome://tracing, ui.perfetto.dev), a table "
                  "on stderr")
      ->type_name("FILE")
      ->group(group);
  command.add_flag("--quiet", arguments.quiet, "Print only errors")->group(group);
  command.add_flag("--json", arguments.json, "Progress, warnings and results as lines of JSON")->group(group);
}

}  // namespace

void add_generate(CLI::App& app) {
  auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* command = app.add_subcommand("generate", "Draw pictures: sd35 generate PROMPT [OPTIONS]");
  command->footer(kGenerateFooter);
  // First, because what a recipe says is there before the other options change it.
  const CLI::Option* from_image =
      command
          ->add_option_function<std::string>(
              "--from-image",
              [arguments](const std::string& picture) {
                arguments->recipe = read_recipe(picture);
                arguments->picture = picture;
                if (!has_engine(arguments->recipe.load.engine)) continue_with_torch();
              },
              "Draw the picture in this file again; other options change what its recipe says. Of pictures of "
              "A1111's web UI and ComfyUI, what of their settings has a meaning here")
          ->type_name("FILE");
  command->add_option(
      "-m,--model", arguments->recipe.model,
      "A folder in the diffusers layout, a file (safetensors or GGUF), or a name in the Hugging Face "
      "cache; default: the environment variable SD35_MODEL");
  add_output_options(*command, *arguments);
  add_mode_options(*command, *arguments);
  add_options(*command, arguments->recipe.generate);
  add_options(*command, arguments->recipe.load);
  add_to_help(*command, "--prompt",
              "; words without an option are a prompt too; -: read it from the standard input");
  add_to_help(*command, "--seed", "; default: a new one each time");
  add_to_help(*command, "--keep",
              "; for --prompts and --grid transformer; pictures of one --count share what fits anyway");
  command->get_option("--seed")->default_str("");
  command->callback([arguments, from_image, command] {
    check_texts(*command);
    const auto is_given = [&](const char* name) { return command->get_option(name)->count() > 0; };
    const bool from_elsewhere = from_image->count() > 0 && arguments->recipe.model.empty();
    if (arguments->recipe.model.empty()) arguments->recipe.model = model_of_environment();
    const bool prompts = is_given("--prompts");
    if (from_image->count() == 0 && !is_given("--prompt") && !prompts)
      throw ArgumentError("what to draw? sd35 generate takes a prompt, an empty one (\"\") too");
    // Shown with the picture.
    if (from_image->count() == 0 && !is_given("--seed") && !prompts)
      arguments->recipe.generate.seed = std::random_device{}();
    if ((prompts || is_given("--grid")) && !is_given("--keep")) arguments->recipe.load.keep = "transformer";
    // A preset that is asked for wins over what a recipe says.
    if (from_image->count() > 0 && is_given("--preset"))
      make_room_for_preset(arguments->recipe.generate, [&](std::string_view option) {
        return is_given(argument_of(std::string(option)).c_str());
      });
    if (!arguments->picture.empty() && !from_elsewhere)
      arguments->warnings = find_files_of_recipe(*command, arguments->recipe, arguments->picture);
    if (const std::vector<std::string>& left_out = arguments->recipe.left_out; !left_out.empty())
      arguments->warnings.push_back(arguments->picture +
                                    ": left out of what it says: " + in_one_line(left_out));
    run(*arguments);
  });
}

}  // namespace sd35::cli
