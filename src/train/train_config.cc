#include "train/train_config.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "core/config_file.h"
#include "core/error.h"
#include "core/file_reader.h"
#include "core/messages.h"
#include "train/keys_of_tasks.h"
#include "train/samples/stage_mix.h"
#include "weights/model/hub_cache.h"

namespace sd35::train {
namespace {

constexpr double kMostBeta = 0.999999;  // with 1 a moment never changes, and its correction divides by 0
constexpr double kLeastEps = 1e-30;     // what a gradient of 0 is divided by

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::int64_t kMany = std::int64_t{1} << 40;
constexpr std::uint64_t kLargestConfiguration = 1 << 20;
constexpr double kLeastShare = 1.0 / kMixedSteps;  // of the steps of a stage

// Part of the configuration; records the keys it was asked for, so that a misspelt one is found.
class Section {
 public:
  Section(const json& values, std::string location)
      : values_(values), location_(std::move(location)), reader_(check(values, location_), location_) {}

  void integer(const char* key, std::int64_t& value, std::int64_t min, std::int64_t max = kMany) {
    value = reader_.integer(known(key), min, max, value);
  }
  void integer(const char* key, int& value, std::int64_t min, std::int64_t max) {
    value = static_cast<int>(reader_.integer(known(key), min, max, value));
  }
  void number(const char* key, double& value, double min, double max) {
    value = reader_.number(known(key), min, max, value);
  }
  void text(const char* key, std::string& value) { value = reader_.text(known(key), value); }
  void choice(const char* key, std::string& value, std::vector<std::string> allowed) {
    // A missing key keeps the present value.
    std::stable_partition(allowed.begin(), allowed.end(),
                          [&](const std::string& name) { return name == value; });
    value = reader_.choice(known(key), allowed);
  }
  void boolean(const char* key, bool& value) { value = reader_.boolean(known(key), value); }
  std::vector<std::string> texts(const char* key) {
    std::vector<std::string> result;
    if (!has(key)) return result;
    const json& list = values_.at(key);
    if (!list.is_array()) reader_.fail(key, "must be a list of texts");
    for (const json& item : list) {
      if (!item.is_string()) reader_.fail(key, "must be a list of texts");
      result.push_back(item.get<std::string>());
    }
    return result;
  }
  std::vector<std::int64_t> integers(const char* key, std::int64_t min, std::int64_t max) {
    return reader_.integers(known(key), min, max, 64);
  }
  bool has(const char* key) { return reader_.has(known(key)); }
  // The same for a key that is not the section's.
  bool holds(const char* key) const { return reader_.has(key); }
  const json& part(const char* key) { return values_.at(key); }
  std::string location_of(const std::string& key) const { return location_ + ": " + key; }
  [[noreturn]] void fail(const char* key, const std::string& what) const { reader_.fail(key, what); }

  // Throws for a key that was not asked for.
  void finish() const {
    for (const auto& [key, value] : values_.items())
      if (std::ranges::find(known_, key) == known_.end()) {
        std::string all;
        for (const std::string& name : known_) all += (all.empty() ? "" : ", ") + name;
        throw FileError(location_ + ": unknown key " + in_quotes(key) + "; known: " + all);
      }
  }

 private:
  static const json& check(const json& values, const std::string& location) {
    if (!values.is_object()) throw FileError(location + " must be an object");
    return values;
  }
  const char* known(const char* key) {
    if (std::ranges::find(known_, key) == known_.end()) known_.emplace_back(key);
    return key;
  }

  const json& values_;
  std::string location_;
  ConfigReader reader_;
  std::vector<std::string> known_;
};

// Throws for a key that the task would not use.
void check_keys(Section& section, std::span<const KeyOfTasks> keys, Task task) {
  for (const KeyOfTasks& key : keys)
    if (const std::string refusal = key.refusal(task); !refusal.empty() && section.holds(key.name))
      section.fail(key.name, refusal);
}

// "12x6"
ImageSize shape_from_text(const std::string& text) {
  constexpr int most = 256;  // tokens per side
  ImageSize shape{0, 0};
  const char* const end = text.data() + text.size();
  const auto [by, error] = std::from_chars(text.data(), end, shape.width);
  if (error == std::errc() && by != end && *by == 'x') {
    const auto [stop, second_error] = std::from_chars(by + 1, end, shape.height);
    if (second_error == std::errc() && stop == end && std::min(shape.width, shape.height) >= 1 &&
        std::max(shape.width, shape.height) <= most)
      return shape;
  }
  throw FileError(in_quotes(text) +
                  " is not a width x height in image tokens of 16 pixels, such as \"12x6\"");
}

// The windows, and their share of the batches.
Windows read_window(Section section, double& share) {
  Windows windows;
  section.number("share", share, kLeastShare, 1);
  for (const std::string& text : section.texts("shapes")) try {
      windows.shapes.push_back(shape_from_text(text));
    } catch (const FileError& error) {
      section.fail("shapes", std::string("must be a list of window sizes: ") + error.what());
    }
  if (windows.shapes.empty()) section.fail("shapes", "must name at least one, such as \"12x6\"");
  section.boolean("text_only", windows.text_only);
  section.finish();
  return windows;
}

void read_crops(Section& section, Stage& stage) {
  section.integer("crop", stage.crop, 16, 4096);
  if (stage.crop % 16 != 0) section.fail("crop", "must be a multiple of 16");
  if (section.has("text_crops") && stage.crop == 0)
    section.fail("text_crops", "is a share of the crops, and there is no 'crop'");
  section.number("text_crops", stage.text_crops, 0, 1);
}

Route read_route(Section section) {
  Route route;
  if (!section.has("share")) section.fail("share", "is missing: of the image tokens");
  section.number("share", route.share, 0.01, 0.95);
  section.integer("from", route.from, 1, 256);
  section.integer("to", route.to, 1, 256);
  if (route.from == 0 || route.to < route.from)
    section.fail("to", "and 'from' must name the first and the last block that tokens go past, from 1");
  section.finish();
  return route;
}

void read_rounding(Section& section, Stage& stage) {
  if (!section.has("round_to")) return;
  std::string type;
  section.choice("round_to", type, {"fp8"});
  stage.round_to_fp8 = true;
}

// What a stage and an element of its mix both say. Keys that are missing leave what `stage` has.
void read_batches(Section& section, Task task, Stage& stage) {
  check_keys(section, stage_keys_of_tasks(), task);
  const bool pictures = task != Task::t5;
  section.integer("batch_size", stage.batch_size, 1, 1 << 20);
  section.integer("accumulation", stage.accumulation, 1, 1 << 20);
  if (stage.batch_size % stage.accumulation != 0) section.fail("accumulation", "must divide batch_size");
  const bool sized_elsewhere = !stage.resolutions.empty() || section.has("mix");
  if (pictures && (section.has("resolutions") || !sized_elsewhere)) {
    stage.resolutions.clear();
    for (const std::int64_t side : section.integers("resolutions", 16, 4096)) {
      if (side % 16 != 0) section.fail("resolutions", "must be multiples of 16");
      stage.resolutions.push_back(static_cast<int>(side));
    }
    if (stage.resolutions.empty()) section.fail("resolutions", "must name at least one");
  }
  section.number("max_aspect", stage.max_aspect, 1, 4);
  section.boolean("enlarge", stage.enlarge);
  section.boolean("shrink", stage.shrink);
  section.number("shift", stage.shift, 0, 100);
  section.integer("max_sequence_length", stage.max_sequence_length, 1, 512);
  section.number("learning_rate", stage.learning_rate, 0, 1);
  section.boolean("trim_text", stage.trim_text);
  read_crops(section, stage);
  if (!section.has("route")) return;
  stage.route = read_route({section.part("route"), section.location_of("route")});
}

// Adds what the section says to the mix of `stage`: with windows of a part of the batches, two elements.
void add_to_mix(Section& section, Stage element, Stage& stage) {
  double windowed = 0;
  std::optional<Windows> windows;
  if (section.has("window"))
    windows = read_window({section.part("window"), section.location_of("window")}, windowed = 1);
  const double share = element.share;
  for (const bool window : {true, false}) {
    element.share = share * (window ? windowed : 1 - windowed);
    if (element.share <= 0) continue;
    if (element.share < kLeastShare - 1e-9)
      section.fail("window", "and the share of its batches leave less than one step of a hundred");
    element.window = window ? windows : std::nullopt;
    stage.mix.push_back(element);
  }
}

void read_mix(const json& list, const Section& section, Task task, Stage& stage) {
  if (!list.is_array() || list.empty()) section.fail("mix", "must be a list of objects");
  double sum = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    Section part(list[i], section.location_of("mix " + std::to_string(i + 1)));
    Stage element = stage;
    element.mix.clear();
    read_batches(part, task, element);
    if (!part.has("share")) part.fail("share", "is missing: of the stage's steps");
    part.number("share", element.share, kLeastShare, 1);
    sum += element.share;
    add_to_mix(part, element, stage);
    if (part.has("mix")) part.fail("mix", "cannot lie in another");
    part.finish();
  }
  if (std::abs(sum - 1) > 1e-6)
    section.fail("mix", "has shares whose sum is " + std::to_string(sum) + "; it must be 1");
  for (const Stage& element : stage.mix) {
    stage.max_sequence_length = std::max(stage.max_sequence_length, element.max_sequence_length);
    for (const int side : element.resolutions)
      if (std::ranges::find(stage.resolutions, side) == stage.resolutions.end())
        stage.resolutions.push_back(side);
  }
}

Stage read_stage(Section section, Task task) {
  Stage stage;
  section.integer("steps", stage.steps, 1);
  if (stage.steps == 0) section.fail("steps", "is missing");
  read_rounding(section, stage);
  read_batches(section, task, stage);
  if (!section.has("mix")) {
    add_to_mix(section, stage, stage);
    if (stage.mix.size() == 1) stage = Stage(std::exchange(stage.mix, {}).front());
  } else if (section.has("window")) {
    section.fail("window", "belongs in the elements of 'mix'");
  } else {
    read_mix(section.part("mix"), section, task, stage);
  }
  section.finish();
  return stage;
}

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

void read_timesteps(Section section, TrainConfig& config) {
  std::string density = "logit_normal";
  section.choice("density", density, {"logit_normal", "mode", "cosmap", "sigma_sqrt", "uniform"});
  config.timesteps.density = density_from_name(density);
  section.number("logit_mean", config.timesteps.logit_mean, -10, 10);
  section.number("logit_std", config.timesteps.logit_std, 0, 10);
  section.number("mode_scale", config.timesteps.mode_scale, -1, 1.75);
  section.integer("base_resolution", config.base_resolution, 16, 4096);
  section.finish();
}

void read_lora(Section section, LoraConfig& lora) {
  section.integer("rank", lora.rank, 1, 4096);
  lora.alpha = static_cast<double>(lora.rank);
  section.number("alpha", lora.alpha, 0, 1e6);
  lora.targets = section.texts("targets");
  if (lora.targets.empty())
    lora.targets = {"attn.to_q",       "attn.to_k",       "attn.to_v",       "attn.to_out.0",
                    "attn.add_q_proj", "attn.add_k_proj", "attn.add_v_proj", "attn.to_add_out"};
  section.finish();
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

void read_rest(Section& root, TrainConfig& config) {
  std::int64_t seed = 0;
  root.integer("seed", seed, 0);
  config.seed = static_cast<std::uint64_t>(seed);
  root.choice("dtype", config.dtype, {"bf16", "f32"});
  root.text("device", config.device);
  root.boolean("activation_checkpointing", config.activation_checkpointing);
  root.number("condition_dropout", config.condition_dropout, 0, 1);
  root.boolean("empty_caption_dropout", config.empty_caption_dropout);
  root.number("position_crop", config.position_crop, 0, 1);
  root.boolean("flip", config.flip);
  root.number("kl_weight", config.kl_weight, 0, 1e6);
  root.number("perceptual_weight", config.perceptual_weight, 0, 1e6);
  root.choice("reconstruction", config.reconstruction, {"l1", "mse"});
  root.boolean("decoder_only", config.decoder_only);
  root.number("latent_noise", config.latent_noise, 0, 10);
  root.number("mask_ratio", config.mask_ratio, 0.01, 0.9);
  root.number("place_weight", config.place_weight, 0, 100);
  root.number("letter_weight", config.letter_weight, 0, 100);
  root.integer("letter_until", config.letter_until, 0);
  root.boolean("cache_embeddings", config.cache_embeddings);
  root.integer("checkpoint_every", config.checkpoint_every, 1);
  root.integer("keep_checkpoints", config.keep_checkpoints, 1, 1000);
  root.integer("log_every", config.log_every, 1);
  root.integer("validate_every", config.validate_every, 0);
  root.integer("sample_every", config.sample_every, 0);
}

// Where a path of the configuration at `file` leads.
std::string beside(const fs::path& file, const std::string& path) {
  return path.empty() || fs::path(path).is_absolute() ? path : (file.parent_path() / path).string();
}

// A path, or the name of a model in the Hugging Face cache.
void find_model(const fs::path& file, const Section& root, std::string& model) {
  if (model.empty())
    root.fail("model",
              "is missing: a folder, a file, or a name such as stabilityai/stable-diffusion-3.5-medium");
  const std::string name = std::exchange(model, beside(file, model));
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

  const auto locate = [&](const char* key, std::string& value) {
    root.text(key, value);
    value = beside(path, value);
  };
  root.text("model", config.model);
  find_model(path, root, config.model);
  locate("data", config.data);
  locate("validation_data", config.validation_data);
  locate("captions", config.captions);
  locate("letter_widths", config.letter_widths);
  std::string cache;
  locate("cache", cache);
  config.cache = cache;
  root.boolean("from_scratch", config.from_scratch);
  root.choice("component", config.component, {"", "text_encoder", "text_encoder_2"});

  if (root.has("optimizer")) read_optimizer({root.part("optimizer"), root.location_of("optimizer")}, config);
  if (root.has("timesteps")) read_timesteps({root.part("timesteps"), root.location_of("timesteps")}, config);
  if (root.has("lora"))
    read_lora({root.part("lora"), root.location_of("lora")}, config.lora);
  else if (config.task == Task::lora)
    read_lora({json::object(), root.location_of("lora")}, config.lora);
  if (root.has("grow")) config.grow = read_growth({root.part("grow"), root.location_of("grow")}, config.task);
  if (root.has("samples")) read_samples({root.part("samples"), root.location_of("samples")}, config.samples);
  read_rest(root, config);

  if (!root.has("stages") || !root.part("stages").is_array() || root.part("stages").empty())
    root.fail("stages", "must be a list of at least one stage");
  for (std::size_t i = 0; i < root.part("stages").size(); ++i)
    config.stages.push_back(read_stage(
        {root.part("stages")[i], root.location_of("stage " + std::to_string(i + 1))}, config.task));
  root.finish();
  if (config.task == Task::lora && config.from_scratch)
    root.fail("from_scratch", "makes no sense for a LoRA");
  if (config.decoder_only && config.from_scratch)
    root.fail("decoder_only", "needs an encoder that has learned: from_scratch must be false");
  if (config.grow && config.from_scratch)
    root.fail("grow", "adds to a model that has learned: from_scratch must be false");
  if (config.latent_noise > 0 && config.from_scratch)
    root.fail("latent_noise",
              "counts in deviations of the latents, which are known once an autoencoder has "
              "learned: from_scratch must be false");
  if (!config.letter_widths.empty() && config.place_weight == 0)
    root.fail("letter_widths", "is for place_weight, which is 0");
  if (config.letter_weight > 0 && config.flip)
    root.fail("flip", "mirrors letters, which 'letter_weight' needs as they are");
  if (config.letter_until > 0 && config.letter_weight == 0)
    root.fail("letter_until", "is the last step of 'letter_weight', which is 0");
  const bool texts = config.task == Task::t5;
  if (!texts && config.data.empty()) root.fail("data", "is missing");
  if (texts && config.captions.empty() && config.data.empty()) root.fail("captions", "is missing");
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
