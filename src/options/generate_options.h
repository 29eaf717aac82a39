// The options of drawing: GenerateOptions.
#pragma once

#include <string_view>

#include "core/random.h"
#include "core/type_names.h"
#include "options/input_options.h"
#include "options/option_group.h"
#include "options/preset.h"
#include "sampling/sampler.h"
#include "sd35/sd35.h"

namespace sd35 {

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
          .choices = {{"turbo", "distilled to few steps: 8 steps, guidance 1, shift 5"}, {"none"}},
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

}  // namespace sd35
