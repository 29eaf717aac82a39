// An opened model: configurations read and compared with each other, weights mapped and compared with them,
// nothing loaded.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lora/lora_file.h"
#include "mmdit/config.h"
#include "pipeline/model_defaults.h"
#include "pipeline/preview.h"
#include "pipeline/prompt_check.h"
#include "pipeline/validation.h"
#include "sampling/sigmas.h"
#include "sd35/sd35.h"
#include "text/prompt_encoder.h"
#include "vae/config.h"
#include "weights/source.h"

namespace sd35 {

struct Components {
  PromptEncoder prompt_encoder;
  MmditConfig transformer;
  VaeConfig vae;
  SchedulerConfig scheduler;
  std::shared_ptr<const WeightSource> transformer_weights;
  std::shared_ptr<const WeightSource> vae_weights;
  bool has_encoder = false;  // the autoencoder: pictures can go in
  LoraTargets lora_targets;  // what adapters of a request may change
  std::string encoders;      // identity of text encoders, tokenizers and threads, where prompts are kept
  std::string transformer_identity;                 // of its weights, where they are packed
  std::vector<std::filesystem::path> weight_files;  // of each component in turn
  std::vector<std::string> warnings;                // of files: what is left out of them, what was guessed
  PromptVocabulary vocabulary;
  TrainedSides sides;
  PreviewColours preview_colours;
  std::optional<PreviewAutoencoder> preview_autoencoder;  // in place of the colours
  GenerateOptions defaults;
};

// Throws FileError for anything that is missing, unused, damaged or does not fit together, ArgumentError for
// a LoRA's weight that is not finite.
Components open_components(const std::string& model, const LoadOptions& options);

}  // namespace sd35
