// Every option of loading and drawing, described once. Everything that needs them all visits them: the
// command line, recipes and other JSON, the checks of ranges, docs/options.md, the tests.
//
//   visit_options(options, [](const Option& option, auto& value) { ... });
//   visit_defaults<LoadOptions>([](const Option& option, const auto& value) { ... });
//
// The value is a bool, int, double, std::uint64_t, std::string, std::filesystem::path, std::vector<int>,
// std::vector<double> or std::vector<LoraOptions>, or a std::optional of one that may be unset. How to add one: CONTRIBUTING.md.
#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "core/random.h"
#include "core/threads.h"
#include "core/type_names.h"
#include "image/resize_mode.h"
#include "options/input_choices.h"
#include "options/option.h"
#include "options/preset.h"
#include "options/residency.h"
#include "quant/quantized_matrix.h"
#include "sampling/sampler.h"
#include "sd35/sd35.h"

namespace sd35 {

// A struct of options, which may be const.
template <class T, class Options>
concept OptionsOf = std::same_as<std::remove_const_t<T>, Options>;

// The visitor of one group.
template <class Visitor>
auto in_group(std::string_view group, Visitor& visit) {
  return [group, &visit](Option option, auto& value) {
    option.group = group;
    visit(std::as_const(option), value);
  };
}

template <class Options, class Visitor>
void visit_prompt_options(Options& o, Visitor& visit) {
  const auto option = in_group("Prompt", visit);
  option({.name = "prompt",
          .arguments = "-p,--prompt",
          .help = "What to draw",
          .example = "a blue circle",
          .kind = OptionKind::text},
         o.prompt);
  option({.name = "negative_prompt",
          .arguments = "-n,--negative-prompt",
          .help = "What to stay away from",
          .example = "sharp",
          .kind = OptionKind::text},
         o.negative_prompt);
  option({.name = "prompt_2",
          .help = "Another prompt for the second text encoder (CLIP bigG)",
          .unset = "the prompt",
          .example = "a blue circle",
          .kind = OptionKind::text},
         o.prompt_2);
  option({.name = "prompt_3",
          .help = "Another prompt for the third text encoder (T5)",
          .unset = "the prompt",
          .example = "a blue circle",
          .kind = OptionKind::text},
         o.prompt_3);
  option({.name = "negative_prompt_2",
          .help = "Another negative prompt for the second",
          .unset = "the negative prompt",
          .example = "sharp",
          .kind = OptionKind::text},
         o.negative_prompt_2);
  option({.name = "negative_prompt_3",
          .help = "Another negative prompt for the third",
          .unset = "the negative prompt",
          .example = "sharp",
          .kind = OptionKind::text},
         o.negative_prompt_3);
  option({.name = "max_sequence_length",
          .help = "Tokens of a prompt that T5 reads",
          .range = {1, 512},
          .unset = "256, or fewer where the model has fewer",
          .example = "20"},
         o.max_sequence_length);
}

template <class Options, class Visitor>
void visit_picture_options(Options& o, Visitor& visit) {
  const auto option = in_group("Picture", visit);
  option({.name = "width",
          .arguments = "-W,--width",
          .help = "Pixels, a multiple of 16",
          .unset = "the model's own, 1024 of Stable Diffusion 3.5",
          .model_key = "width",
          .example = "48"},
         o.width);
  option({.name = "height",
          .arguments = "-H,--height",
          .help = "Likewise",
          .unset = "the model's own, 1024 of Stable Diffusion 3.5",
          .model_key = "height",
          .example = "64"},
         o.height);
  option({.name = "count", .help = "Pictures, one seed after another", .range = {1, 1000}, .example = "2"},
         o.count);
  option({.name = "seed",
          .arguments = "-s,--seed",
          .help = "Of the first picture: the same seed draws the same picture",
          .example = "7"},
         o.seed);
}

template <class Options, class Visitor>
void visit_step_options(Options& o, Visitor& visit) {
  const auto option = in_group("Drawing", visit);
  option({.name = "preset",
          .help = "Sets what a kind of models is drawn with, where nothing else is chosen",
          .choices = {{"turbo", "distilled to few steps: 8 steps, guidance 1, shift 5"}},
          .check = check_preset,
          .unset = "none",
          .example = "turbo",
          .effects = kOnPicture | kOnSpeed},
         o.preset);
  option({.name = "num_inference_steps",
          .arguments = "--steps",
          .help = "Steps: more take longer; about 20 are enough for a picture",
          .range = {1, 1000},
          .unset = "the model's own, 40 of Stable Diffusion 3.5",
          .model_key = "steps",
          .example = "4",
          .effects = kOnPicture | kOnSpeed},
         o.num_inference_steps);
  option({.name = "guidance_scale",
          .arguments = "-g,--guidance-scale",
          .help = "How closely to follow the prompt; 1 or less: no guidance, in half the time",
          .unset = "the model's own, 4.5 of Stable Diffusion 3.5",
          .model_key = "guidance_scale",
          .example = "2",
          .effects = kOnPicture | kOnSpeed},
         o.guidance_scale);
  option({.name = "sampler",
          .help = "How steps are taken",
          .choices = {{"euler"},
                      {"heun", "twice the work of a step"},
                      {"dpm++2m"},
                      {"euler_a", "with new noise in each step"},
                      {"lcm", "likewise, for few steps of distilled models"}},
          .check = [](std::string_view name) { sampler_from_name(name); },
          .unset = "the model's own, euler of Stable Diffusion 3.5",
          .model_key = "sampler",
          .example = "heun"},
         o.sampler);
  option(
      {.name = "shift",
       .help = "Shift of the noise levels: more spends more steps on the layout, less on the details; auto "
               "is 3 at 1024 x 1024, in proportion to the side",
       .range = {0.01, 100},
       .zero = "auto",  // in proportion to the picture's side
       .unset = "the model's own, 3 of Stable Diffusion 3.5",
       .example = "1"},
      o.shift);
}

template <class Options, class Visitor>
void visit_shortcut_options(Options& o, Visitor& visit) {
  const auto option = in_group("Drawing", visit);
  option(
      {.name = "guidance_start",
       .arguments = "--guidance-interval",
       .help = "Guidance between these fractions of the steps only, as in 0.1,0.7: the others take half the "
               "time",
       .range = {0, 1},
       .example = "0.4",
       .effects = kOnPicture | kOnSpeed},
      o.guidance_start);
  option({.name = "guidance_stop",
          .arguments = "--guidance-interval",
          .help = "The end of that interval, exclusive",
          .range = {0, 1},
          .example = "0.5",
          .effects = kOnPicture | kOnSpeed},
         o.guidance_stop);
  option({.name = "block_cache",
          .help = "Leaves out most of a step that would change less than this, such as 0.1; 0: off",
          .range = {.least = 0},
          .example = "0.1",
          .effects = kOnPicture | kOnSpeed},
         o.block_cache);
  option(
      {.name = "forecast",
       .help =
           "Computes only every so-many-th step, such as 2, and guesses the others from the steps before; 1: off",
       .range = {1, 16},
       .example = "2",
       .effects = kOnPicture | kOnSpeed},
      o.forecast);
}

template <class Options, class Visitor>
void visit_guidance_options(Options& o, Visitor& visit) {
  const auto option = in_group("Better guidance, in the same time", visit);
  option(
      {.name = "cfg_zero",
       .help = "CFG-Zero*: scales the negative prompt's part to fit the prompt's, and leaves out the first "
               "step",
       .example = "true"},
      o.cfg_zero);
  option({.name = "cfg_zero_steps",
          .help = "How many steps that leaves out; only the sampler euler can",
          .range = {0, 1000},
          .unset = "1 with the sampler euler, else 0",
          .example = "2",
          .effects = kOnPicture | kOnSpeed},
         o.cfg_zero_steps);
  option(
      {.name = "apg",
       .help = "Adaptive projected guidance, against burnt colours when guidance is strong: the share kept "
               "of what burns (0), the longest difference at 1024 x 1024 (0: any; about 15), the momentum "
               "(-0.5), as in 0,15,-0.5",
       .unset = "off",
       .example = "[0, 2.5, -0.5]"},
      o.apg);
  option({.name = "guidance_rescale",
          .help = "Keeps colours from burning out when guidance is strong, about 0.7; 0: off",
          .range = {0, 1},
          .example = "0.7"},
         o.guidance_rescale);
}

template <class Options, class Visitor>
void visit_skip_layer_options(Options& o, Visitor& visit) {
  const auto option = in_group("Skip-layer guidance, for better anatomy", visit);
  option({.name = "skip_layer_guidance.layers",
          .arguments = "--skip-layers",
          .help = "Blocks of the denoiser to leave out in a third pass; of Stable Diffusion 3.5 Medium 7,8,9",
          .range = {.least = 0},
          .unset = "none",
          .example = "[2]"},
         o.layers);
  option({.name = "skip_layer_guidance.scale",
          .arguments = "--skip-layer-scale",
          .help = "Its strength",
          .example = "5"},
         o.scale);
  option({.name = "skip_layer_guidance.start",
          .arguments = "--skip-layer-start",
          .help = "Its first step, as a fraction of all",
          .range = {0, 1},
          .example = "0.5"},
         o.start);
  option({.name = "skip_layer_guidance.stop",
          .arguments = "--skip-layer-stop",
          .help = "Its last step, as a fraction of all",
          .range = {0, 1},
          .example = "0.5"},
         o.stop);
  option({.name = "skip_layer_guidance.in_negative",
          .arguments = "--skip-layer-negative",
          .help = "Leaves the blocks out of the negative prompt's pass, not a third one: no extra time, no "
                  "strength of its own",
          .example = "true",
          .effects = kOnPicture | kOnSpeed},
         o.in_negative);
}

template <class Options, class Visitor>
void visit_init_options(Options& o, Visitor& visit) {
  const auto option = in_group("Beginning with a picture", visit);
  option({.name = "init.picture",
          .arguments = "--init",
          .help = "A picture to begin with; it gives the size where none is given",
          .unset = "none",
          .example = "picture.png",
          .kind = OptionKind::file},
         o.picture.path);
  option({.name = "init.strength",
          .arguments = "--strength",
          .help = "How much of it is drawn anew",
          .range = {0, 1},
          .unset = "0.6, to outpaint 0.9",
          .example = "0.8",
          .effects = kOnPicture | kOnSpeed},
         o.strength);
  option({.name = "init.strength_rule",
          .arguments = "--strength-rule",
          .help = "What strength is a share of",
          .choices = {{"share", "of the steps, as in diffusers"},
                      {"steps", "of more steps: all that are asked for run"}},
          .check = [](std::string_view name) { strength_rule_from_name(name); },
          .example = "steps",
          .effects = kOnPicture | kOnSpeed},
         o.strength_rule);
  option({.name = "init.resize",
          .arguments = "--resize",
          .help = "Where it has another shape",
          .choices = {{"stretch"}, {"crop"}, {"fill"}},
          .check = [](std::string_view name) { resize_mode_from_name(name); },
          .example = "crop"},
         o.resize);
  option({.name = "init.latent_sample",
          .arguments = "--latent-sample",
          .help = "What of the autoencoder's distribution",
          .choices = {{"sample", "as diffusers"}, {"mode", "its mean"}},
          .check = [](std::string_view name) { latent_sample_from_name(name); },
          .example = "mode"},
         o.latent_sample);
}

template <class Options, class Visitor>
void visit_inpaint_options(Options& o, Visitor& visit) {
  const auto option = in_group("Painting a part of that picture anew", visit);
  option({.name = "inpaint.mask",
          .arguments = "--mask",
          .help = "A picture as large as that of --init: white, or what is transparent, is painted anew",
          .unset = "none",
          .example = "mask.png",
          .kind = OptionKind::file},
         o.mask.path);
  option({.name = "inpaint.invert",
          .arguments = "--mask-invert",
          .help = "Black is painted anew",
          .example = "true"},
         o.invert);
  option({.name = "inpaint.blur",
          .arguments = "--mask-blur",
          .help = "How far the paint fades into the picture, in pixels",
          .range = {0, 256},
          .unset = "4, to outpaint 8",
          .example = "2"},
         o.blur);
  option({.name = "inpaint.fill",
          .arguments = "--inpaint-fill",
          .help = "What the painted part begins with",
          .choices = {{"original"}, {"blur", "the colours around it"}, {"noise"}, {"zero"}},
          .check = [](std::string_view name) { inpaint_fill_from_name(name); },
          .unset = "original, to outpaint blur",
          .example = "noise"},
         o.fill);
  option({.name = "inpaint.only_masked",
          .arguments = "--only-masked",
          .help =
              "Draws the masked part alone at the full size, with so many pixels around it, and puts it back",
          .range = {0, 4096},
          .unset = "off: the whole picture is drawn",
          .example = "8"},
         o.only_masked);
  option({.name = "inpaint.soft",
          .arguments = "--soft-mask",
          .help = "Grey of the mask is painted in proportion",
          .example = "true"},
         o.soft);
  option({.name = "inpaint.paste",
          .arguments = "--no-paste",
          .help = "What is not painted is as the autoencoder makes it, not as it was",
          .example = "false"},
         o.paste);
  option({.name = "inpaint.outpaint",
          .arguments = "--outpaint",
          .help = "Pixels to add on the left, top, right and bottom, as in 64,0,64,0",
          .range = {0, 4096},
          .unset = "none",
          .example = "[16, 0, 0, 0]",
          .effects = kOnPicture | kOnMemory | kOnSpeed},
         o.outpaint);
}

template <class Options, class Visitor>
void visit_hires_options(Options& o, Visitor& visit) {
  const auto option = in_group("Drawing small, then large from it", visit);
  option({.name = "hires.scale",
          .arguments = "--hires",
          .help = "How much larger the second pass is, such as 2; 1: there is none",
          .range = {1, 8},
          .example = "2",
          .effects = kOnPicture | kOnMemory | kOnSpeed},
         o.scale);
  option({.name = "hires.strength",
          .arguments = "--hires-strength",
          .help = "How much is drawn anew",
          .range = {0, 1},
          .unset = "0.6, with lanczos 0.4",
          .example = "0.8",
          .effects = kOnPicture | kOnSpeed},
         o.strength);
  option({.name = "hires.steps",
          .arguments = "--hires-steps",
          .help = "Steps that the strength is a share of",
          .range = {0, 1000},
          .unset = "as many as the first pass has",
          .example = "8",
          .effects = kOnPicture | kOnSpeed},
         o.steps);
  option({.name = "hires.upscaler",
          .arguments = "--upscaler",
          .help = "What is enlarged",
          .choices = {{"latent", "the latents"}, {"lanczos", "the decoded picture"}},
          .check = [](std::string_view name) { upscaler_from_name(name); },
          .example = "lanczos",
          .effects = kOnPicture | kOnSpeed},
         o.upscaler);
}

template <class Options, class Visitor>
void visit_edit_options(Options& o, Visitor& visit) {
  const auto option = in_group("Changing a picture as the prompt says, with models trained for that", visit);
  option({.name = "edit",
          .help = "The picture; it gives the size where none is given",
          .unset = "none",
          .example = "picture.png",
          .kind = OptionKind::file,
          .effects = kOnPicture | kOnMemory | kOnSpeed},
         o.edit.path);
  option(
      {.name = "reference_tokens",
       .help = "The model is one of these (SD3.5 Medium Kontext), though its configuration does not say so",
       .example = "true"},
      o.reference_tokens);
}

template <class Options, class Visitor>
void visit_reference_options(Options& o, Visitor& visit) {
  const auto option = in_group("To draw what diffusers draws", visit);
  option({.name = "generator",
          .help = "Whose random numbers",
          .choices = {{"cpu", "those of torch.Generator(\"cpu\")"},
                      {"cuda", "those of torch.Generator(\"cuda\")"}},
          .check = [](std::string_view name) { random_source_from_name(name); },
          .example = "cuda"},
         o.generator);
  option({.name = "noise_dtype",
          .help = "Type of those numbers",
          .choices = {{"f32"}, {"f16"}, {"bf16"}},
          .check =
              [](std::string_view name) {
                if (!name.empty()) noise_type_from_name(name);
              },
          .unset = "that of dtype",
          .example = "bf16"},
         o.noise_dtype);
  option({.name = "vae_tiling",
          .help = "Decode in tiles as diffusers does: less memory, slightly other colours",
          .example = "true",
          .effects = kOnPicture | kOnMemory},
         o.vae_tiling);
}

template <class Options, class Visitor>
void visit_metadata_options(Options& o, Visitor& visit) {
  const auto option = in_group("What the file says", visit);
  option({.name = "metadata",
          .arguments = "--no-metadata",
          .help = "The file says nothing of how the picture was made",
          .example = "false",
          .effects = kOnFile,
          .recorded = false},
         o.metadata);
  option({.name = "provenance",
          .arguments = "--no-provenance",
          .help = "The file bears no mark that a model made the picture (XMP DigitalSourceType); some "
                  "countries' laws ask for one",
          .example = "false",
          .effects = kOnFile,
          .recorded = false},
         o.provenance);
  option({.name = "recipe_paths",
          .help = "The file says where model, parts and LoRAs lie, in place of their names alone",
          .example = "true",
          .effects = kOnFile,
          .recorded = false},
         o.recipe_paths);
}

template <OptionsOf<GenerateOptions> Options, class Visitor>
void visit_options(Options& options, Visitor&& visit) {
  visit_prompt_options(options, visit);
  visit_picture_options(options, visit);
  visit_step_options(options, visit);
  visit_shortcut_options(options, visit);
  visit_guidance_options(options, visit);
  visit_skip_layer_options(options.skip_layer_guidance, visit);
  visit_init_options(options.init, visit);
  visit_inpaint_options(options.inpaint, visit);
  visit_hires_options(options.hires, visit);
  visit_edit_options(options, visit);
  visit_reference_options(options, visit);
  in_group("Adapters of one picture", visit)(
      {.name = "loras",
       .arguments = "--attach-lora",
       .help =
           "A LoRA for these pictures alone, as with --lora: it stays beside the weights, so that another "
           "reloads nothing and quantized weights are not quantized again, for a few percent of each step",
       .unset = "none",
       .example = R"([{"path": "lora.safetensors", "weight": 0.8}])",
       .effects = kOnPicture | kOnSpeed},
      options.loras);
  visit_metadata_options(options, visit);
}

template <class Options, class Visitor>
void visit_memory_options(Options& o, Visitor& visit) {
  const auto option = in_group("Speed and memory", visit);
  option({.name = "quantize",
          .help = "Keep the denoiser's weights in fewer bits",
          .choices = {{"int8", "the fastest"}, {"nf4"}, {"nf4-dq", "the smallest"}, {"none"}},
          .check = [](std::string_view name) { weight_format_from_name(name); },
          .unset = "as the file holds them",
          .example = "int8",
          .effects = kOnPicture | kOnMemory | kOnSpeed},
         o.quantize);
  option(
      {.name = "max_memory",
       .help = "Memory that nothing should exceed, as in 4GB or 3.5GiB: what is read again for each step, or "
               "cut into tiles, follows from it, and so do the last bits of a picture",
       .unset = "no limit",
       .example = "8000000000",
       .kind = OptionKind::bytes,
       .effects = kOnPicture | kOnMemory | kOnSpeed},
      o.max_memory);
  option(
      {.name = "use_t5",
       .arguments = "--no-t5",
       .help = "Draws without the largest text encoder: less memory, and prompts are followed less closely",
       .example = "false",
       .effects = kOnPicture | kOnMemory | kOnSpeed},
      o.use_t5);
  option({.name = "prompt_cache",
          .help = "Keeps encoded prompts in this folder and finds them again; changes no picture",
          .unset = "none",
          .example = "prompts",
          .kind = OptionKind::folder,
          .effects = kOnSpeed,
          .recorded = false},
         o.prompt_cache);
  option({.name = "packed",
          .help = "Keeps the denoiser's weights in this folder as this machine multiplies with them, so that "
                  "the first step begins at once; changes no picture",
          .unset = "none",
          .example = "packed",
          .kind = OptionKind::folder,
          .effects = kOnSpeed,
          .recorded = false},
         o.packed);
}

template <class Options, class Visitor>
void visit_residency(Options& o, Visitor& visit) {
  in_group("Speed and memory", visit)(
      {.name = "keep",
       .help = "What stays in memory from one picture to the next, within max_memory; changes no picture",
       .choices = {{"nothing"}, {"transformer"}, {"all", "text encoders and decoder too"}},
       .check = [](std::string_view name) { residency_from_name(name); },
       .example = "all",
       .effects = kOnMemory | kOnSpeed,
       .recorded = false},
      o.keep);
}

template <class Options, class Visitor>
void visit_engine_options(Options& o, Visitor& visit) {
  const auto option = in_group("Speed and memory", visit);
  option({.name = "threads",
          .help = "Threads; 0: one per core that may be used",
          .range = {0, kMostThreads},
          .example = "1",
          .effects = kOnSpeed,
          .recorded = false},
         o.threads);
  option({.name = "dtype",
          .help = "Type to compute in",
          .choices = {{"f32", "to compare with diffusers"}, {"bf16"}},
          .check = [](std::string_view name) { compute_type_from_name(name); },
          .example = "f32",
          .effects = kOnPicture | kOnMemory | kOnSpeed},
         o.dtype);
  option({.name = "engine",
          .help = "What computes",
          .choices = {{"native"},
                      {"ref", "plain loops, slow, for comparison"},
                      {"torch", "where the program was built with it"}},
          .example = "ref",
          .effects = kOnPicture | kOnSpeed},
         o.engine);
  option({.name = "device",
          .help = "Where the engine torch computes: cpu, cuda, cuda:1",
          .example = "cuda",
          .effects = kOnPicture | kOnSpeed},
         o.device);
}

template <OptionsOf<ModelParts> Parts, class Visitor>
void visit_options(Parts& parts, Visitor&& visit) {
  const auto option = in_group("Parts of the model in files of their own", visit);
  const auto file = [&](std::string_view name, std::string_view help, auto& value) {
    option({.name = name,
            .help = help,
            .unset = "the model's own",
            .example = "part.safetensors",
            .kind = OptionKind::file},
           value);
  };
  file("transformer", "The denoiser (MMDiT-X), safetensors or GGUF", parts.transformer);
  file("vae", "The autoencoder, safetensors or GGUF", parts.vae);
  file("clip_l", "The text encoder CLIP-L, for a single file that lacks it", parts.clip_l);
  file("clip_g", "The text encoder OpenCLIP bigG, for a single file that lacks it", parts.clip_g);
  file("t5xxl", "The text encoder T5-XXL, for a single file that lacks it", parts.t5xxl);
  option({.name = "tokenizers",
          .help = "A folder that holds tokenizer, tokenizer_2 and tokenizer_3",
          .unset = "the model's own",
          .example = "tokenizers",
          .kind = OptionKind::folder},
         parts.tokenizers);
}

template <OptionsOf<LoadOptions> Options, class Visitor>
void visit_options(Options& options, Visitor&& visit) {
  in_group("Model", visit)(
      {.name = "loras",
       .arguments = "--lora",
       .help = "A LoRA to add (of diffusers, PEFT or kohya, a file or a folder), with its weight where it is "
               "not 1; may be given several times",
       .unset = "none",
       .example = R"([{"path": "lora.safetensors", "weight": 0.8}])"},
      options.loras);
  visit_memory_options(options, visit);
  visit_residency(options, visit);
  visit_engine_options(options, visit);
  visit_options(options.parts, visit);
}

// Every option with its default.
template <class Options, class Visitor>
void visit_defaults(Visitor&& visit) {
  const Options defaults{};
  visit_options(defaults, visit);
}

}  // namespace sd35
