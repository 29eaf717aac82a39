#include "generate_options.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "arguments.h"
#include "commands.h"
#include "standard_input.h"

namespace sd35::cli {
namespace {

namespace fs = std::filesystem;

// The library takes 0 for the model's own choice; a person leaves the option out.
const CLI::Validator kChosen(
    [](const std::string& value) { return value == "0" ? "it cannot be 0" : std::string(); }, "", "");

constexpr std::array kTexts{"--prompt",          "--prompt-2",          "--prompt-3",
                            "--negative-prompt", "--negative-prompt-2", "--negative-prompt-3"};

// FILE[:WEIGHT]. A path may hold colons: what follows the last one is a weight unless such a file exists.
LoraOptions lora_argument(const std::string& argument) {
  const std::size_t colon = argument.rfind(':');
  std::error_code ignored;
  if (colon == argument.npos || fs::exists(argument, ignored)) return {argument, 1};
  const std::string path = argument.substr(0, colon);
  if (path.empty()) throw ArgumentError("--lora " + argument + ": which file? As in my-lora.safetensors:0.8");
  return {path, read_number("--lora " + argument + ": the weight", argument.substr(colon + 1))};
}

// Bytes from "4GB", "3.5 GiB", "800M": powers of 1000 or, with an i, of 1024; a bare number is bytes.
std::string memory_argument(const std::string& argument) {
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
  constexpr double kLeast = 1e6, kMost = 1e15;
  double number = 0;
  const auto [end, error] = std::from_chars(argument.data(), argument.data() + argument.size(), number);
  std::string unit(end, argument.data() + argument.size());
  std::erase(unit, ' ');
  std::ranges::transform(unit, unit.begin(), [](unsigned char c) { return std::tolower(c); });
  const auto found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, double>::first);
  if (error != std::errc() || found == kUnits.end() || !(number > 0 && number * found->second < kMost))
    throw ArgumentError("--max-memory " + argument +
                        " is not a size; it must be a number with a unit, as in 4GB");
  const double bytes = number * found->second;
  if (bytes < kLeast)
    throw ArgumentError("--max-memory " + argument + " is " + std::to_string(static_cast<int>(bytes)) +
                        " bytes; did you mean " +
                        argument.substr(0, static_cast<std::size_t>(end - argument.data())) + "GB?");
  return std::to_string(static_cast<std::uint64_t>(bytes));
}

void read_interval(const std::string& interval, GenerateOptions& options) {
  const std::string name = "--guidance-interval";
  const std::size_t comma = interval.find(',');
  if (comma == interval.npos || interval.find(',', comma + 1) != interval.npos)
    throw ArgumentError(name + " " + interval + ": it takes two fractions of the steps, as in 0.1,0.7");
  options.guidance_start = read_number(name, interval.substr(0, comma));
  options.guidance_stop = read_number(name, interval.substr(comma + 1));
}

void add_file_options(CLI::App& command, LoadOptions& load) {
  const auto add = [&](const char* name, fs::path& value, const char* help) {
    command.add_option(name, value, help)
        ->type_name("FILE")
        ->group("Parts of the model in files of their own");
  };
  add("--transformer", load.transformer,
      "The denoiser (MMDiT-X), safetensors or GGUF, in place of the model's");
  add("--vae", load.vae, "The autoencoder, likewise");
  add("--clip-l", load.clip_l, "The text encoder CLIP-L, for a single file that lacks it");
  add("--clip-g", load.clip_g, "The text encoder OpenCLIP bigG, likewise");
  add("--t5xxl", load.t5xxl, "The text encoder T5-XXL, likewise");
  command
      .add_option("--tokenizers", load.tokenizers,
                  "A folder that holds tokenizer, tokenizer_2 and tokenizer_3")
      ->type_name("FOLDER")
      ->group("Parts of the model in files of their own");
}

void add_engine_options(CLI::App& command, LoadOptions& load) {
  const std::string group = "Speed and memory";
  command
      .add_option(
          "--quantize", load.quantize,
          "Keep the denoiser's weights in fewer bits: int8 (the fastest), nf4 or nf4-dq (the smallest), "
          "none; default: as the file holds them")
      ->group(group);
  command
      .add_option(
          "--max-memory", load.max_memory,
          "Memory that nothing should exceed, as in 4GB or 3.5GiB: what is read again for each step, or cut "
          "into tiles, follows from it")
      ->transform(memory_argument)
      ->type_name("SIZE")
      ->group(group);
  command
      .add_flag_callback(
          "--no-t5", [&load] { load.use_t5 = false; },
          "Without the largest text encoder: less "
          "memory, and prompts are followed less closely")
      ->group(group);
  command
      .add_option("--prompt-cache", load.prompt_cache,
                  "Keeps encoded prompts in this folder and finds them again; changes no picture")
      ->type_name("FOLDER")
      ->group(group);
  command
      .add_option(
          "--packed", load.packed,
          "Keeps the denoiser's weights in this folder as this machine multiplies with them, so that the "
          "first step begins at once; changes no picture")
      ->type_name("FOLDER")
      ->group(group);
  command.add_option("--threads", load.threads, "0: as many as there are cores that may be used")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("--dtype", load.dtype, "Type that is computed in: bf16, or f32 to compare with diffusers")
      ->capture_default_str()
      ->group(group);
  command
      .add_option(
          "--engine", load.engine,
          "native; ref: plain loops, slow, to compare with; torch: where the program was built with it")
      ->capture_default_str()
      ->group(group);
  command.add_option("--device", load.device, "Of --engine torch: cpu, cuda, cuda:1")
      ->capture_default_str()
      ->group(group);
}

}  // namespace

void add_prompt_options(CLI::App& command, GenerateOptions& options) {
  const std::string group = "Prompt";
  const auto add = [&](const char* names, auto& value, const char* help) {
    command
        .add_option_function<std::string>(
            names, [&value](const std::string& text) { value = text_argument(text); }, help)
        ->group(group);
  };
  add("-p,--prompt", options.prompt,
      "What to draw; words without an option are a prompt too; -: read it from the standard input");
  add("-n,--negative-prompt", options.negative_prompt, "What to stay away from");
  add("--prompt-2", options.prompt_2, "Another one for the second text encoder (CLIP bigG)");
  add("--prompt-3", options.prompt_3, "Another one for the third (T5)");
  add("--negative-prompt-2", options.negative_prompt_2, "Likewise");
  add("--negative-prompt-3", options.negative_prompt_3, "Likewise");
  command
      .add_option(
          "--max-sequence-length", options.max_sequence_length,
          "Tokens of a prompt that T5 reads, 1 to 512; default: 256, or fewer where the model has fewer")
      ->group(group)
      ->check(kChosen);
}

void check_prompts(const CLI::App& command) {
  for (const char* name : kTexts) {
    const std::vector<std::string> texts = command.get_option(name)->results();
    if (texts.size() > 1)
      throw ArgumentError(std::string(name) + ": which one, '" + texts[0] + "' or '" + texts[1] +
                          "'? A text of several words needs quotes");
  }
}

void add_picture_options(CLI::App& command, GenerateOptions& options) {
  const std::string group = "Picture";
  command
      .add_option("-W,--width", options.width,
                  "Pixels, a multiple of 16; default: the model's own, such as 1024 of Stable Diffusion 3.5")
      ->group(group)
      ->check(kChosen);
  command.add_option("-H,--height", options.height, "Likewise")->group(group)->check(kChosen);
  command.add_option("--count", options.count, "Pictures, one seed after another")
      ->capture_default_str()
      ->group(group);
  command
      .add_option("-s,--seed", options.seed,
                  "Of the first picture: the same seed draws the same picture; default: a new one each time")
      ->group(group);
}

void add_sampling_options(CLI::App& command, GenerateOptions& options) {
  const std::string group = "Drawing";
  add_step_options(command, options, group);
  command
      .add_option(
          "--shift", options.shift,
          "More than the model's own (3 of Stable Diffusion 3.5) spends more steps on the layout, less on "
          "the details; 0.01 to 100")
      ->group(group);
  add_fewer_forwards(command, options, group);
  SkipLayerOptions& skip = options.skip_layer_guidance;
  const std::string skipping = "Skip-layer guidance, for better anatomy";
  command
      .add_option("--skip-layers", skip.layers,
                  "Blocks of the denoiser to leave out in a third pass; of Stable Diffusion 3.5 Medium 7,8,9")
      ->delimiter(',')
      ->group(skipping);
  const auto add_skip = [&](const char* name, double& value, const char* help) {
    command.add_option(name, value, help)->capture_default_str()->group(skipping);
  };
  add_skip("--skip-layer-scale", skip.scale, "Its strength");
  add_skip("--skip-layer-start", skip.start, "Its first step, as a fraction of all");
  add_skip("--skip-layer-stop", skip.stop, "Its last step, as a fraction of all");
  const std::string like_others = "To draw what diffusers draws";
  command
      .add_option("--generator", options.generator,
                  "Whose random numbers: those of torch.Generator(\"cpu\") or torch.Generator(\"cuda\")")
      ->capture_default_str()
      ->group(like_others);
  command
      .add_option("--noise-dtype", options.noise_dtype,
                  "Type of those numbers, f32, f16 or bf16, where it is not that of --dtype")
      ->group(like_others);
  command
      .add_flag("--vae-tiling", options.vae_tiling,
                "Decode in tiles as diffusers does: less memory, slightly other colours")
      ->group(like_others);
}

void add_step_options(CLI::App& command, GenerateOptions& options, const std::string& group) {
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->group(group);
  };
  add("--steps", options.num_inference_steps,
      "More take longer; a picture is there from about 20 on; default: the model's own, 40 of Stable "
      "Diffusion 3.5")
      ->check(kChosen);
  add("-g,--guidance-scale", options.guidance_scale,
      "How closely to follow the prompt; 1 or less: no guidance, in half the time; default: the model's own, "
      "4.5 of Stable Diffusion 3.5");
  add("--sampler", options.sampler,
      "euler, heun or dpm++2m; default: the model's own, euler of Stable Diffusion 3.5");
}

void add_fewer_forwards(CLI::App& command, GenerateOptions& options, const std::string& group) {
  command
      .add_option_function<std::string>(
          "--guidance-interval",
          [&options](const std::string& interval) { read_interval(interval, options); },
          "Guidance between these fractions of the steps only, as in 0.1,0.7: the others take half the time")
      ->type_name(kPair)
      ->group(group);
  command
      .add_option("--block-cache", options.block_cache,
                  "Leaves out most of a step that would change less than this, such as 0.1; 0: off")
      ->capture_default_str()
      ->group(group);
}

void add_model_options(CLI::App& command, LoadOptions& load) {
  command
      .add_option_function<std::vector<std::string>>(
          "--lora",
          [&load](const std::vector<std::string>& files) {
            load.loras.clear();
            for (const std::string& file : files) load.loras.push_back(lora_argument(file));
          },
          "A LoRA to add (of diffusers, PEFT or kohya), with its weight where it is not 1; may be given "
          "several "
          "times")
      ->allow_extra_args(false)
      ->type_name("FILE[:WEIGHT]");
  add_engine_options(command, load);
  add_file_options(command, load);
}

}  // namespace sd35::cli
