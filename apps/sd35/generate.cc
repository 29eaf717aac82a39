// sd35 generate: from prompts to picture files.
#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>

#include "commands.h"
#include "output_names.h"
#include "reporter.h"
#include "sd35/sd35.h"

namespace sd35::cli {
namespace {

namespace fs = std::filesystem;

// The library takes 0 for the model's own choice; a person leaves the option out.
const CLI::Validator kChosen(
    [](const std::string& value) { return value == "0" ? "it cannot be 0" : std::string(); }, "", "");

struct GenerateArguments {
  Recipe recipe;
  std::string output;
  std::string preview;
  std::string profile;
  std::string from_image;
  bool quiet = false;
  bool json = false;
};

// The picture whose recipe gives the defaults has to be known before the other options are read.
std::string from_image_argument(std::span<char* const> arguments) {
  constexpr std::string_view option = "--from-image";
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == option && i + 1 < arguments.size()) return arguments[i + 1];
    if (argument.starts_with(option) && argument.substr(option.size()).starts_with("="))
      return std::string(argument.substr(option.size() + 1));
  }
  return "";
}

OutputNames output_names(const GenerateArguments& arguments) {
  const GenerateOptions& options = arguments.recipe.generate;
  std::vector<std::uint64_t> seeds;
  for (int i = 0; i < options.count; ++i) seeds.push_back(options.seed + static_cast<std::uint64_t>(i));
  OutputNames names(arguments.output, seeds);
  if (names.to_standard_output() && arguments.json)
    throw ArgumentError("--json and --output - both want the standard output");
  return names;
}

void run(GenerateArguments& arguments, bool seed_given) {
  if (!seed_given && arguments.from_image.empty())
    arguments.recipe.generate.seed = std::random_device{}();  // shown with the picture
  const GenerateOptions& options = arguments.recipe.generate;
  const OutputNames names = output_names(arguments);
  if (!arguments.preview.empty()) check_output(arguments.preview);
  const auto start = std::chrono::steady_clock::now();
  Reporter reporter(arguments.json    ? Verbosity::json
                    : arguments.quiet ? Verbosity::quiet
                                      : Verbosity::person,
                    names.to_standard_output() ? stderr : stdout);
  Callbacks callbacks = reporter.callbacks();
  if (!arguments.preview.empty())
    callbacks.on_preview = [&](const Picture& preview, int /*step*/) { save(preview, arguments.preview); };

  Pipeline pipeline = Pipeline::from_pretrained(arguments.recipe.model, arguments.recipe.load);
  if (!arguments.profile.empty()) pipeline.start_profile(arguments.profile);
  const std::vector<Picture> pictures = pipeline.generate(options, callbacks);
  for (std::size_t i = 0; i < pictures.size(); ++i) {
    const std::string path = names.save(pictures[i], i);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    reporter.wrote(path, options.seed + i, seconds.count());
  }
  if (!arguments.profile.empty()) std::fputs(pipeline.finish_profile().c_str(), stderr);
}

// FILE[:WEIGHT]. A path may hold colons: what follows the last one is a weight unless such a file exists.
LoraOptions lora_argument(const std::string& argument) {
  const std::size_t colon = argument.rfind(':');
  std::error_code ignored;
  if (colon == argument.npos || fs::exists(argument, ignored)) return {argument, 1};
  const std::string path = argument.substr(0, colon), weight = argument.substr(colon + 1);
  double value = 0;
  const auto [end, error] = std::from_chars(weight.data(), weight.data() + weight.size(), value);
  if (path.empty() || error != std::errc() || end != weight.data() + weight.size() || !std::isfinite(value))
    throw ArgumentError("--lora " + argument + ": '" + weight +
                        "' is no weight; it must be a number, as in my-lora.safetensors:0.8");
  return {path, value};
}

// Bytes from "4GB", "3.5 GiB", "800M": powers of 1000 or, with an i, of 1024; a bare number is bytes.
std::string memory_argument(const std::string& argument) {
  double number = 0;
  const auto [end, error] = std::from_chars(argument.data(), argument.data() + argument.size(), number);
  std::string unit(end, argument.data() + argument.size());
  std::erase(unit, ' ');
  std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return std::tolower(c); });
  constexpr std::array<std::pair<std::string_view, double>, 10> kUnits{{{"", 1},
                                                                        {"b", 1},
                                                                        {"k", 1e3},
                                                                        {"kb", 1e3},
                                                                        {"m", 1e6},
                                                                        {"mb", 1e6},
                                                                        {"g", 1e9},
                                                                        {"gb", 1e9},
                                                                        {"mib", 1 << 20},
                                                                        {"gib", 1 << 30}}};
  for (const auto& [name, factor] : kUnits)
    if (error == std::errc() && name == unit && number > 0 && number * factor < 1e15)
      return std::to_string(static_cast<std::uint64_t>(number * factor));
  throw ArgumentError("--max-memory " + argument + " is no size; it must be a number with a unit, as in 4GB");
}

void add_model_options(CLI::App& command, LoadOptions& load) {
  const std::string group = "Model";
  command.add_option("--clip-l", load.clip_l, "CLIP-L weights, for a single file that lacks them")
      ->group(group);
  command.add_option("--clip-g", load.clip_g, "OpenCLIP bigG weights, likewise")->group(group);
  command.add_option("--t5xxl", load.t5xxl, "T5-XXL weights, likewise")->group(group);
  command
      .add_option("--transformer", load.transformer,
                  "MMDiT-X weights (safetensors or GGUF), in place of the model's")
      ->group(group);
  command.add_option("--vae", load.vae, "Autoencoder weights, likewise")->group(group);
  command
      .add_option_function<std::vector<std::string>>(
          "--lora",
          [&load](const std::vector<std::string>& files) {
            load.loras.clear();
            for (const std::string& file : files) load.loras.push_back(lora_argument(file));
          },
          "FILE or FILE:WEIGHT, a LoRA to add (diffusers, PEFT or kohya); may be given several times")
      ->allow_extra_args(false)
      ->group(group);
  command.add_option("--tokenizers", load.tokenizers, "Folder with tokenizer, tokenizer_2 and tokenizer_3")
      ->group(group);
  command
      .add_flag_callback(
          "--no-t5", [&load] { load.use_t5 = false; }, "Run without T5: less memory, zeros in its place")
      ->group(group);
  command
      .add_option("--prompt-cache", load.prompt_cache,
                  "Folder where encoded prompts are kept and found again; changes no picture")
      ->group(group);
  command
      .add_option(
          "--packed", load.packed,
          "Folder for the transformer's weights as this machine multiplies with them: made once, then "
          "the first step begins at once; changes no picture")
      ->group(group);
  command
      .add_option("--max-memory", load.max_memory,
                  "Memory no stage should exceed, as in 4GB or 3.5GiB: what is streamed or cut into tiles "
                  "follows from it")
      ->transform(memory_argument)
      ->group(group);
  command.add_option("--dtype", load.dtype, "bf16, or f32 for parity with the reference")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--quantize", load.quantize,
                  "Keep the transformer's weights in 4 or 8 bits: int8 (the fastest), nf4, nf4-dq (the "
                  "smallest), or none; default: as the file holds them")
      ->group(group);
  command
      .add_option("--engine", load.engine, "native, ref (slow, for comparisons), or torch where it is built")
      ->capture_default_str()
      ->group(group);
  command.add_option("--device", load.device, "Of the torch engine: cpu, cuda, cuda:1")
      ->capture_default_str()
      ->group(group);
  command.add_option("--threads", load.threads, "Threads; 0: one a core, within CPU quotas and affinity")
      ->capture_default_str()
      ->group(group);
}

void add_prompt_options(CLI::App& command, GenerateOptions& options) {
  const std::string group = "Prompt";
  command.add_option("-p,--prompt", options.prompt, "What to draw")->group(group);
  command.add_option("--prompt-2", options.prompt_2, "For the second CLIP encoder; default: the prompt")
      ->group(group);
  command.add_option("--prompt-3", options.prompt_3, "For T5; default: the prompt")->group(group);
  command.add_option("-n,--negative-prompt", options.negative_prompt, "What to stay away from")->group(group);
  command.add_option("--negative-prompt-2", options.negative_prompt_2, "For the second CLIP encoder")
      ->group(group);
  command.add_option("--negative-prompt-3", options.negative_prompt_3, "For T5")->group(group);
  command
      .add_option("--max-sequence-length", options.max_sequence_length,
                  "T5 tokens of a prompt, 1 to 512; default: 256, or fewer where the model has fewer")
      ->group(group)
      ->check(kChosen);
}

CLI::Option* add_sampling_options(CLI::App& command, GenerateOptions& options) {
  const std::string group = "Sampling";
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->capture_default_str()->group(group);
  };
  command.add_option("-W,--width", options.width, "Pixels, a multiple of 16; default: the model's own, 1024")
      ->group(group)
      ->check(kChosen);
  command.add_option("-H,--height", options.height, "Likewise")->group(group)->check(kChosen);
  add("--steps", options.num_inference_steps, "Denoising steps");
  add("-g,--guidance-scale", options.guidance_scale, "How closely to follow the prompt; 1: no guidance");
  add_fewer_forwards(command, options, group);
  add("--sampler", options.sampler, "euler, heun or dpm++2m");
  add("--count", options.count, "Pictures, one seed after another");
  CLI::Option* seed =
      command.add_option("-s,--seed", options.seed, "Of the first picture; default: a new one each time");
  seed->group(group)->check([](const std::string& value) {
    return value.starts_with('-') ? "a seed is 0 or more, not " + value : std::string();
  });
  add("--generator", options.generator, "Random numbers of torch on a cpu, or on a cuda device");
  command
      .add_option("--noise-dtype", options.noise_dtype,
                  "Type the noise is drawn in; default: that of --dtype")
      ->group(group);
  SkipLayerOptions& skip = options.skip_layer_guidance;
  command.add_option("--skip-layers", skip.layers, "Blocks of skip-layer guidance, as in 7,8,9")
      ->delimiter(',')
      ->group(group);
  add("--skip-layer-scale", skip.scale, "Its strength");
  add("--skip-layer-start", skip.start, "Its first step, as a fraction of all");
  add("--skip-layer-stop", skip.stop, "Its last step, as a fraction of all");
  command
      .add_flag("--vae-tiling", options.vae_tiling,
                "Decode in tiles, as diffusers: less memory, other colours")
      ->group(group);
  return seed;
}

}  // namespace

void add_fewer_forwards(CLI::App& command, GenerateOptions& options, const std::string& group) {
  command
      .add_option_function<std::pair<double, double>>(
          "--guidance-interval",
          [&options](const std::pair<double, double>& interval) {
            std::tie(options.guidance_start, options.guidance_stop) = interval;
          },
          "START STOP, guidance in these steps only, as fractions of all (0 1): the others take half the "
          "time")
      ->group(group);
  command
      .add_option(
          "--block-cache", options.block_cache,
          "Threshold of the first-block cache, such as 0.1: steps that change little are not computed "
          "whole; 0: off")
      ->capture_default_str()
      ->group(group);
}

void add_generate(CLI::App& app, std::span<char* const> command_line) {
  auto arguments = std::make_shared<GenerateArguments>();
  CLI::App* command = app.add_subcommand("generate", "Draw pictures from a prompt");
  if (command_line.size() > 1 && std::string_view(command_line[1]) == "generate") {
    if (const std::string picture = from_image_argument(command_line); !picture.empty())
      arguments->recipe = read_recipe(picture);
  }
  command->add_option(
      "-m,--model", arguments->recipe.model,
      "A folder in the diffusers layout, a single-file checkpoint, or a name in the Hugging Face cache");
  command->add_option("--from-image", arguments->from_image,
                      "Draw the picture in this file again; other options change what its recipe says");
  add_prompt_options(*command, arguments->recipe.generate);
  const CLI::Option* seed = add_sampling_options(*command, arguments->recipe.generate);
  add_model_options(*command, arguments->recipe.load);
  const CLI::Option* output = command->add_option(
      "-o,--output", arguments->output,
      "A file (png, jpg, webp), which is replaced; a folder, where nothing is; a name with {seed} or "
      "{index}; "
      "or -, the standard output. Several pictures are numbered. Default: out.png, or the next free name");
  command->add_option("--preview", arguments->preview,
                      "Keeps a small picture of the work in progress in this file");
  command->add_option("--profile", arguments->profile,
                      "Times every operation: a trace in this file (chrome://tracing, ui.perfetto.dev), a "
                      "table on stderr");
  command->add_flag("--quiet", arguments->quiet, "Say nothing but errors");
  command->add_flag("--json", arguments->json, "Progress, warnings and results as JSON lines");
  command->callback([arguments, seed, output, command] {
    if (output->count() > 0 && arguments->output.empty())
      throw ArgumentError("--output needs the name of a file or a folder");
    if (arguments->recipe.model.empty())
      throw ArgumentError("which model? --model takes a folder, a file or a name in the Hugging Face cache");
    if (arguments->from_image.empty() && command->get_option("--prompt")->count() == 0)
      throw ArgumentError("what to draw? --prompt takes a text (an empty one too)");
    run(*arguments, seed->count() > 0);
  });
}

}  // namespace sd35::cli
