// What a training run is told about its task. docs/training.md lists every key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "train/objectives/timestep_sampling.h"

namespace sd35::train {

struct SampleConfig {
  std::vector<std::string> prompts;
  int width = 0, height = 0;             // 0: the model's own
  int steps = 0;                         // 0: the model's own, else 20
  std::optional<double> guidance_scale;  // unset: the model's own
  std::uint64_t seed = 0;
};

// Of a transformer, as a whole (task transformer) or by low-rank updates (task lora).
struct FlowTask {
  TimestepSampling timesteps;
  int base_resolution = 256;           // that needs no shift
  double condition_dropout = 0.464;    // of each text encoder
  bool empty_caption_dropout = false;  // replaces the caption by "" instead of encoders by zeros
  double position_crop = 1;            // share of the samples with a random crop of the positional table
  std::filesystem::path cache;         // of latents and embeddings; empty: in the run's folder
  bool cache_embeddings = true;
  SampleConfig samples;
};

struct TransformerTask {
  // Of predicting the letter under an image token; until this step (0: to the end).
  double letter_weight = 0;
  std::int64_t letter_until = 0;
};

struct LoraTask {
  std::int64_t rank = 4;
  double alpha = 4;
  std::vector<std::string> targets;  // ends of layer names: "attn.to_q", "attn2.to_q", "ff.net.0.proj", ...
};

struct AutoencoderTask {
  double kl_weight = 1e-6, perceptual_weight = 0;
  std::string reconstruction = "l1";  // or "mse"
  bool decoder_only = false;          // the encoder, and with it every latent, stays as it is
  double latent_noise = 0;            // added before the decoder, in deviations of the latents
};

struct ClipTask {
  std::string component;  // "text_encoder" or "text_encoder_2"; empty: the first
};

struct T5Task {
  std::string captions;  // a text file, one per line
  double mask_ratio = 0.15;
  double place_weight = 0;    // of predicting what each token of a word is, and its place
  std::string letter_widths;  // a file of train/objectives/letter_widths.h; empty: all equally wide
};

}  // namespace sd35::train
