// The options of loading: LoadOptions, ModelParts.
#pragma once

#include <string_view>

#include "core/threads.h"
#include "core/type_names.h"
#include "options/option_group.h"
#include "options/residency.h"
#include "quant/quantized_matrix.h"
#include "sd35/sd35.h"

namespace sd35 {

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

template <class Options, class Visitor>
void visit_preview_options(Options& o, Visitor& visit) {
  in_group("Output", visit)(
      {.name = "preview_with",
       .help = "What previews are made with: linear, a pixel for 8 x 8; the file or folder of a tiny "
               "autoencoder (TAESD3), full size; or taesd, which is madebyollin/taesd3 of the Hugging Face "
               "cache. Changes no picture",
       .example = "taesd",
       .effects = kOnMemory | kOnSpeed,
       .recorded = false},
      o.preview_with);
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
  visit_preview_options(options, visit);
  visit_options(options.parts, visit);
}

}  // namespace sd35
