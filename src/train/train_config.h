// The configuration of a training run: one JSON file (comments allowed). docs/training.md lists every key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "image/image_size.h"
#include "train/optimizers/optimizer_options.h"
#include "train/task_config.h"

namespace sd35::train {

enum class Task : std::uint8_t { transformer, lora, autoencoder, clip, t5 };

// Batches of windows: parts of pictures, cut from the latents of whole ones.
struct Windows {
  std::vector<ImageSize> shapes;  // in image tokens; each batch takes one of those that its pictures hold
  bool text_only = false;         // only of pictures whose text has a known place
};

// Image tokens of whole pictures that skip blocks (mmdit/transformer.h, TokenRoute).
struct Route {
  double share = 0;      // of the tokens
  int from = 0, to = 0;  // the first and the last of the blocks, from 1
};

// Part of a run with its own sizes.
struct Stage {
  std::int64_t steps = 0;
  std::int64_t batch_size = 1;         // of all processes together, a whole step
  std::int64_t accumulation = 1;       // backward passes per step and process
  std::vector<int> resolutions = {};   // sides of squares of equal area; several: mixed scales
  double max_aspect = 1;               // longest side to shortest of the buckets
  bool enlarge = true;                 // false: pictures are kept out of resolutions that would enlarge them
  bool shrink = true;                  // false: pictures are kept out of resolutions that would shrink them
  double shift = 0;                    // of timesteps; 0: by resolution, from `base_resolution`
  int max_sequence_length = 0;         // T5 tokens; 0: 77, or fewer if the tokenizer says so
  double learning_rate = 0;            // 0: the optimizer's
  bool trim_text = false;              // T5 tokens: as many as the longest caption of a batch takes
  std::optional<Windows> window = {};  // nothing: whole pictures
  std::optional<Route> route = {};     // nothing: all tokens go through all blocks
  double share = 1;                    // of its stage's steps, in an element of a mix
  // Of task autoencoder: pixels per side of the crops that pictures of the resolutions are cut to; 0: whole
  // pictures. The share of the crops that lie around the text, in pictures that say where theirs is.
  int crop = 0;
  double text_crops = 0.5;
  bool round_to_fp8 =
      false;  // of task transformer: weights in the forward pass (train/optimizers/weight_rounding.h)
  std::vector<Stage> mix = {};  // the kinds of its batches, in turn; empty: all as the stage says
};

// T5 tokens of a text in the stage; `longest`: of the tokenizer, 0 if it does not say.
int sequence_length(const Stage& stage, std::int64_t longest);

// A deeper model than `model` (train/growth.h).
struct Growth {
  int num_layers = 0;        // of a transformer
  std::vector<int> after;    // old blocks, from 1, that the new ones follow; empty: evenly spread
  int layers_per_block = 0;  // of an autoencoder
};

struct TrainConfig {
  std::string location;  // the file, for messages
  Task task = Task::transformer;
  std::string model;  // a folder: configurations, frozen parts and, unless from_scratch, first weights
  bool from_scratch = false;
  std::optional<Growth> grow;  // of tasks transformer and autoencoder
  std::string data;
  std::string validation_data;  // empty: none

  std::uint64_t seed = 0;
  std::string dtype = "bf16";
  std::string device = "cpu";
  bool activation_checkpointing = false;
  AdamWOptions optimizer;
  std::optional<MuonOptions> muon;  // for the matrices of hidden layers; the rest stays with AdamW
  double max_gradient_norm = 1;
  std::string schedule = "constant";
  std::int64_t warmup_steps = 0;
  double ema = 0;  // decay; 0: none

  bool flip = false;  // pictures, at random; of all tasks with pictures

  // What only some tasks use; the others leave it as it is (keys_of_tasks.h).
  FlowTask flow;
  TransformerTask transformer;
  LoraTask lora;
  AutoencoderTask autoencoder;
  ClipTask clip;
  T5Task t5;

  std::vector<Stage> stages;
  std::int64_t checkpoint_every = 500, keep_checkpoints = 2;
  std::int64_t log_every = 10, validate_every = 0, sample_every = 0;

  std::int64_t total_steps() const;
  // The stage of a step and its first step.
  std::size_t stage_of(std::int64_t step) const;
  std::int64_t first_step_of(std::size_t stage) const;
  // The kind of a step's batch: its stage, or the element of the stage's mix whose turn it is.
  const Stage& settings_of(std::int64_t step) const;
  // What must not change when a run is resumed, as text.
  std::string identity = "{}";

  // Relative paths are relative to the file. Throws FileError naming the file and the key for a key that is
  // unknown, missing, of another type or out of range.
  static TrainConfig read(const std::filesystem::path& path);
};

}  // namespace sd35::train
