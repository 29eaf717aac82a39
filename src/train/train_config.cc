#include "train/train_config.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "core/config_file.h"
#include "core/file_reader.h"
#include "core/messages.h"
#include "train/config_section.h"
#include "train/keys_of_tasks.h"
#include "train/samples/stage_mix.h"
#include "train/stage_config.h"
#include "weights/model/hub_cache.h"

namespace sd35::train {
namespace {

constexpr double kMostBeta = 0.999999;  // with 1 a moment never changes, and its correction divides by 0
constexpr double kLeastEps = 1e-30;     // what a gradient of 0 is divided by

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::uint64_t kLargestConfiguration = 1 << 20;

void read_optimizer(Section section, TrainConfig& config) {
  AdamWOptions& options = config.optimizer;
  std::string name = "adamw";
  section.choice("name", name, {"adamw", "muon"});
  section.number("learning_rate", options.learning_rate, 0, 1);
  section.number("beta1", options.beta1, 0, kMostBeta);
  section.number("beta2", options.beta2, 0, kMostBeta);
  section.number("eps", options.eps, kLeastEps, 1);
  section.number("weight_decay", options.weight_decay, 0, 10);
  if (name == "muon") {
    config.muon = MuonOptions{.weight_decay = options.weight_decay};
    section.number("momentum", config.muon->momentum, 0, 1);
  }
  section.number("max_gradient_norm", config.max_gradient_norm, 0, 1e9);
  section.choice("schedule", config.schedule, {"constant", "cosine", "linear"});
  section.integer("warmup_steps", config.warmup_steps, 0);
  section.number("ema", config.ema, 0, 1);
  section.finish();
}

void read_timesteps(Section section, FlowTask& task) {
  std::string density = "logit_normal";
  section.choice("density", density, {"logit_normal", "mode", "cosmap", "sigma_sqrt", "uniform"});
  task.timesteps.density = density_from_name(density);
  section.number("logit_mean", task.timesteps.logit_mean, -10, 10);
  section.number("logit_std", task.timesteps.logit_std, 0, 10);
  section.number("mode_scale", task.timesteps.mode_scale, -1, 1.75);
  section.integer("base_resolution", task.base_resolution, 16, 4096);
  section.finish();
}

void read_samples(Section section, SampleConfig& samples) {
  samples.prompts = section.texts("prompts");
  section.integer("width", samples.width, 16, 4096);
  section.integer("height", samples.height, 16, 4096);
  section.integer("steps", samples.steps, 1, 1000);
  if (section.has("guidance_scale"))
    section.number("guidance_scale", samples.guidance_scale.emplace(), 0, 100);
  std::int64_t seed = 0;
  section.integer("seed", seed, 0);
  samples.seed = static_cast<std::uint64_t>(seed);
  section.finish();
}

void read_flow(Section& root, FlowTask& task) {
  if (root.has("timesteps")) read_timesteps(root.inner("timesteps"), task);
  if (root.has("samples")) read_samples(root.inner("samples"), task.samples);
  root.number("condition_dropout", task.condition_dropout, 0, 1);
  root.boolean("empty_caption_dropout", task.empty_caption_dropout);
  root.number("position_crop", task.position_crop, 0, 1);
  root.boolean("cache_embeddings", task.cache_embeddings);
  std::string cache;
  root.path("cache", cache);
  task.cache = cache;
}

void read_transformer(Section& root, const TrainConfig& config, TransformerTask& task) {
  root.number("letter_weight", task.letter_weight, 0, 100);
  root.integer("letter_until", task.letter_until, 0);
  if (task.letter_weight > 0 && config.flip)
    root.fail("flip", "mirrors letters, which 'letter_weight' needs as they are");
  if (task.letter_until > 0 && task.letter_weight == 0)
    root.fail("letter_until", "is the last step of 'letter_weight', which is 0");
}

void read_lora(Section section, LoraTask& task) {
  section.integer("rank", task.rank, 1, 4096);
  task.alpha = static_cast<double>(task.rank);
  section.number("alpha", task.alpha, 0, 1e6);
  task.targets = section.texts("targets");
  if (task.targets.empty())
    task.targets = {"attn.to_q",       "attn.to_k",       "attn.to_v",       "attn.to_out.0",
                    "attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj", "attn.to_add_out"};
  section.finish();
}

void read_autoencoder(Section& root, const TrainConfig& config, AutoencoderTask& task) {
  root.number("kl_weight", task.kl_weight, 0, 1e6);
  root.number("perceptual_weight", task.perceptual_weight, 0, 1e6);
  root.choice("reconstruction", task.reconstruction, {"l1", "mse"});
  root.boolean("decoder_only", task.decoder_only);
  root.number("latent_noise", task.latent_noise, 0, 10);
  if (task.decoder_only && config.from_scratch)
    root.fail("decoder_only", "needs an encoder that has learned: from_scratch must be false");
  if (task.latent_noise > 0 && config.from_scratch)
    root.fail("latent_noise",
              "counts in deviations of the latents, which are known once an autoencoder has "
              "learned: from_scratch must be false");
}

void read_t5(Section& root, T5Task& task) {
  root.path("captions", task.captions);
  root.path("letter_widths", task.letter_widths);
  root.number("mask_ratio", task.mask_ratio, 0.01, 0.9);
  root.number("place_weight", task.place_weight, 0, 100);
  if (!task.letter_widths.empty() && task.place_weight == 0)
    root.fail("letter_widths", "is for place_weight, which is 0");
}

// What the task alone uses.
void read_task(Section& root, TrainConfig& config) {
  switch (config.task) {
    case Task::transformer:
      read_flow(root, config.flow);
      return read_transformer(root, config, config.transformer);
    case Task::lora:
      read_flow(root, config.flow);
      if (config.from_scratch) root.fail("from_scratch", "makes no sense for a LoRA");
      return read_lora(root.inner("lora"), config.lora);
    case Task::autoencoder:
      return read_autoencoder(root, config, config.autoencoder);
    case Task::clip:
      return root.choice("component", config.clip.component, {"", "text_encoder", "text_encoder_2"});
    case Task::t5:
      return read_t5(root, config.t5);
  }
}

Growth read_growth(Section section, Task task) {
  Growth growth;
  const char* const key = task == Task::autoencoder ? "layers_per_block" : "num_layers";
  if (!section.has(key)) section.fail(key, "is missing");
  if (task == Task::autoencoder) {
    section.integer(key, growth.layers_per_block, 1, 16);
  } else {
    section.integer(key, growth.num_layers, 1, 256);
    if (section.has("after"))
      for (const std::int64_t block : section.integers("after", 1, 255))
        growth.after.push_back(static_cast<int>(block));
  }
  section.finish();
  return growth;
}

// What all tasks use, but for the model and the stages.
void read_rest(Section& root, TrainConfig& config) {
  std::int64_t seed = 0;
  root.integer("seed", seed, 0);
  config.seed = static_cast<std::uint64_t>(seed);
  root.choice("dtype", config.dtype, {"bf16", "f32"});
  root.text("device", config.device);
  root.boolean("activation_checkpointing", config.activation_checkpointing);
  root.boolean("flip", config.flip);
  root.integer("checkpoint_every", config.checkpoint_every, 1);
  root.integer("keep_checkpoints", config.keep_checkpoints, 1, 1000);
  root.integer("log_every", config.log_every, 1);
  root.integer("validate_every", config.validate_every, 0);
  root.integer("sample_every", config.sample_every, 0);
}

// A path, or the name of a model in the Hugging Face cache.
void find_model(const Section& root, std::string& model) {
  if (model.empty())
    root.fail("model",
              "is missing: a folder, a file, or a name such as stabilityai/stable-diffusion-3.5-medium");
  const std::string name = std::exchange(model, root.beside_file(model));
  std::error_code error;
  if (fs::exists(model, error) || !is_hub_name(name)) return;
  const auto cached = find_in_hub_cache(name);
  if (!cached)
    root.fail("model",
              "is " + in_quotes(name) + ": there is neither " + in_quotes(model) +
                  " nor a model of this name in the Hugging Face cache (README.md says how to get one)");
  model = cached->string();
}

}  // namespace

int sequence_length(const Stage& stage, std::int64_t longest) {
  constexpr int usual = 77;  // as CLIP's
  if (stage.max_sequence_length > 0) return stage.max_sequence_length;
  return longest > 0 && longest < usual ? static_cast<int>(longest) : usual;
}

TrainConfig TrainConfig::read(const fs::path& path) {
  const json values =
      parse_json_object(read_whole_file(path, kLargestConfiguration), path.string(), JsonComments::allowed);
  Section root(values, path.string());
  TrainConfig config;
  config.location = path.string();
  std::string task = "transformer";
  root.choice("task", task, task_names());
  config.task = task_from_name(task);
  check_keys(root, keys_of_tasks(), config.task);

  root.text("model", config.model);
  find_model(root, config.model);
  root.path("data", config.data);
  root.path("validation_data", config.validation_data);
  root.boolean("from_scratch", config.from_scratch);
  if (root.has("optimizer")) read_optimizer(root.inner("optimizer"), config);
  if (root.has("grow")) config.grow = read_growth(root.inner("grow"), config.task);
  read_rest(root, config);
  read_task(root, config);

  if (!root.has("stages") || !root.part("stages").is_array() || root.part("stages").empty())
    root.fail("stages", "must be a list of at least one stage");
  for (std::size_t i = 0; i < root.part("stages").size(); ++i)
    config.stages.push_back(read_stage(
        {root.part("stages")[i], root.location_of("stage " + std::to_string(i + 1))}, config.task));
  root.finish();
  if (config.grow && config.from_scratch)
    root.fail("grow", "adds to a model that has learned: from_scratch must be false");
  const bool texts = config.task == Task::t5;
  if (!texts && config.data.empty()) root.fail("data", "is missing");
  if (texts && config.t5.captions.empty() && config.data.empty()) root.fail("captions", "is missing");
  config.identity = values.dump();
  return config;
}

std::int64_t TrainConfig::total_steps() const { return first_step_of(stages.size()); }

std::int64_t TrainConfig::first_step_of(std::size_t stage) const {
  std::int64_t first = 0;
  for (std::size_t i = 0; i < stage; ++i) first += stages[i].steps;
  return first;
}

std::size_t TrainConfig::stage_of(std::int64_t step) const {
  std::size_t stage = 0;
  while (stage + 1 < stages.size() && step >= first_step_of(stage + 1)) ++stage;
  return stage;
}

const Stage& TrainConfig::settings_of(std::int64_t step) const {
  const std::size_t stage = stage_of(step);
  return parts_of(stages[stage])[turn_of(stages[stage], step - first_step_of(stage), seed + stage).part];
}

}  // namespace sd35::train
