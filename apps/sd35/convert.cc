// sd35 convert: a checkpoint in another layout or another type.
#include <algorithm>
#include <cstdio>
#include <memory>

#include "commands.h"
#include "core/digits.h"
#include "option_arguments.h"
#include "reporter.h"
#include "sd35/sd35.h"

namespace sd35::cli {
namespace {

constexpr const char* kConvertFooter =
    "Examples:\n"
    "  sd35 convert stabilityai/stable-diffusion-3.5-medium sd35-nf4 --type nf4\n"
    "  sd35 convert stabilityai/stable-diffusion-3.5-medium sd35.gguf --type q8_0 --component transformer\n"
    "  sd35 convert models/default packed --packed --quantize int8\n"
    "f32, f16 and bf16 hold every tensor. fp8 (e4m3; in a single file with a scale per tensor, as ComfyUI "
    "reads it, in a folder without, as diffusers does), the blocks of GGUF and nf4 (as diffusers reads it; "
    "nf4-dq: with double quantization) hold the weights of linear layers; patch, timestep, prompt and output "
    "layers, convolutions and tables stay in 16 bits, biases and norms as they are. A folder in fp8 has all "
    "but the transformer's linear layers in bf16, unless --component asks for more. q8_0 to q5_1 need the "
    "layout gguf, nf4 the layout diffusers. GGUF's K types are read, but not written. A single file carries "
    "the configurations of the model in its metadata.";

// 1,234,567
void print_table(const ConvertReport& report) {
  std::printf("%-16s %-20s %-8s %8s %15s\n", "component", "what", "type", "tensors", "parameters");
  for (const ConvertReport::Row& row : report.rows)
    std::printf("%-16s %-20s %-8s %8s %15s\n", row.component.c_str(), row.what.c_str(), row.type.c_str(),
                with_commas(row.tensors).c_str(), with_commas(row.parameters).c_str());
}

void add_format_options(CLI::App& command, ConvertOptions& options) {
  command.add_option(
      "-t,--type", options.type,
      "f32, f16, bf16, fp8, q8_0, q4_0, q4_1, q5_0, q5_1, nf4 or nf4-dq; default: as they are");
  command.add_option(
      "--layout", options.layout,
      "diffusers (a folder), single (safetensors) or gguf; default: by the output's extension");
  command
      .add_option(
          "-c,--component", options.components,
          "Of transformer, vae, clip_l, clip_g, t5xxl, as in transformer,vae; default: all there are. With "
          "one, the input may be a file of it alone")
      ->delimiter(',');
}

// Of packed weights.
bool is_of_weights(const Option& option) { return option.name == "dtype" || option.name == "quantize"; }

}  // namespace

void add_convert(CLI::App& app) {
  struct Arguments {
    ConvertOptions options;
    LoadOptions packing;  // its dtype and quantize
    bool packed = false;
    std::string input, output;
    bool quiet = false;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand("convert", "Write a model in another layout or type");
  command
      ->add_option(
          "input", arguments->input,
          "A folder in the diffusers layout, a safetensors or GGUF file, or a name in the Hugging Face cache")
      ->required();
  command
      ->add_option("output", arguments->output,
                   "The folder or file to write; it must not exist (but for --packed)")
      ->required();
  add_format_options(*command, arguments->options);
  command->add_flag(
      "--packed", arguments->packed,
      "Fill the folder OUTPUT for sd35 generate --packed, with the options below that it is called with: the "
      "denoiser's weights as this machine multiplies with them");
  add_options(*command, arguments->packing, is_of_weights);
  add_options(*command, arguments->options.parts);
  command->add_flag("--quiet", arguments->quiet, "Print only errors");
  command->footer(kConvertFooter);
  command->callback([arguments, command] {
    Reporter reporter(arguments->quiet ? Verbosity::quiet : Verbosity::person);
    if (arguments->packed && !arguments->options.type.empty())
      throw ArgumentError("either --type or --packed says what becomes of the weights, not both");
    for (const char* name : {"--quantize", "--dtype"})
      if (!arguments->packed && command->get_option(name)->count() > 0)
        throw ArgumentError(std::string(name) +
                            " goes with --packed; --type says what a converted model is made of");
    if (arguments->packed) {
      arguments->packing.packed = arguments->output;
      arguments->packing.parts = arguments->options.parts;
      return pack(arguments->input, arguments->packing, reporter.callbacks());
    }
    const ConvertReport report =
        convert(arguments->input, arguments->output, arguments->options, reporter.callbacks());
    if (arguments->quiet) return;
    print_table(report);
    std::error_code error;
    if (std::filesystem::is_regular_file(arguments->output, error) &&
        std::filesystem::is_directory(arguments->input, error))
      std::printf("A file holds no tokenizers: sd35 generate --model %s --tokenizers %s\n",
                  printable(arguments->output).c_str(), printable(arguments->input).c_str());
  });
}

}  // namespace sd35::cli
