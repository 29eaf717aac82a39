#include "train/transformer_objective.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/threads.h"
#include "ops/torch/torch_ops.h"
#include "pipeline/decode.h"
#include "pipeline/denoise.h"
#include "pipeline/model_defaults.h"
#include "pipeline/random_weights.h"
#include "pipeline/validation.h"
#include "sampling/guidance.h"
#include "sampling/sigmas.h"
#include "train/batches.h"
#include "train/initialization.h"
#include "train/model_folder.h"
#include "train/process_group.h"
#include "weights/load.h"

namespace sd35::train {
namespace {

// Validation: this many pictures, each at every level of noise of the grid.
constexpr std::int64_t kValidationPictures = 64;
constexpr std::array kValidationSigmas{0.0625f, 0.1875f, 0.3125f, 0.4375f,
                                       0.5625f, 0.6875f, 0.8125f, 0.9375f};

Tensor stack(std::span<const Tensor> parts) {
  std::vector<std::int64_t> dims{static_cast<std::int64_t>(parts.size())};
  dims.insert(dims.end(), parts[0].shape().dims().begin(), parts[0].shape().dims().end());
  Tensor all(Shape(dims), DType::f32);
  float* target = all.data<float>();
  for (const Tensor& part : parts) target = std::ranges::copy(part.floats(), target).out;
  return all;
}

class PositionTableFinder : public ParameterVisitor {
 public:
  std::string name;
  Tensor table;
  void parameter(const ParameterSpec& spec, Tensor& tensor) override {
    if (spec.kind != ParameterKind::position_table) return;
    name = spec.names.front();
    table = tensor;
  }
};

bool chance(SampleRandom& random, double probability) { return random.uniform() < probability; }

// What chance decides of one sample. Each draws its numbers in one order, whatever the configuration makes of
// them; the normal numbers of latents and noise follow.
struct SampleDraws {
  bool flip = false, crop = false;
  float sigma = 0, top = 0, left = 0;
  DroppedEncoders dropped;
  bool empty_caption = false;
  std::uint64_t caption_choice = 0;
  SampleRandom random{0, 0, 0};

  SampleDraws() = default;
  SampleDraws(const TrainConfig& config, SampleRandom numbers, double shift) : random(numbers) {
    flip = chance(random, 0.5) && config.flip;
    sigma = static_cast<float>(config.timesteps.draw(random, shift));
    crop = chance(random, config.position_crop);
    top = random.uniform();
    left = random.uniform();
    const double drop = config.condition_dropout;
    dropped.clip_l = chance(random, drop);
    dropped.clip_g = chance(random, drop);
    dropped.t5 = chance(random, drop);
    caption_choice = static_cast<std::uint64_t>(random.below(std::int64_t{1} << 31));
    if (config.empty_caption_dropout) {
      empty_caption = dropped.clip_l && dropped.clip_g && dropped.t5;
      dropped = {};
    }
  }

  // Of a window of patches in a table of `side` a side.
  PatchOrigin origin(std::int64_t side, std::int64_t rows, std::int64_t columns) const {
    if (!crop) return {(side - rows) / 2, (side - columns) / 2};
    const auto place = [](float u, std::int64_t free) {
      return std::min(free, static_cast<std::int64_t>(u * static_cast<float>(free + 1)));
    };
    return {place(top, side - rows), place(left, side - columns)};
  }
};

}  // namespace

TransformerObjective::TransformerObjective(const TrainConfig& config, const ModelFiles& files,
                                           const std::filesystem::path& cache, const OnMessage& warn)
    : config_(config),
      transformer_json_(files.config(Component::transformer)),
      transformer_(MmditConfig::from_json(transformer_json_, files.config_location(Component::transformer))),
      scheduler_(SchedulerConfig::from_json(files.scheduler_config(), files.location())),
      files_(files),
      pictures_(config.data, files, cache, config, warn),
      warn_(warn) {
  check_sizes();
  if (!config.validation_data.empty())
    validation_ = std::make_unique<ConditionedPictures>(config.validation_data, files, cache, config, warn);
}

void TransformerObjective::check_sizes() const {
  const MmditConfig& model = transformer_.config();
  const int most = pictures_.vae().scale() * model.patch_size * model.pos_embed_max_size;
  for (std::size_t i = 0; i < config_.stages.size(); ++i)
    for (const int resolution : config_.stages[i].resolutions)
      for (const Bucket& bucket : picture_buckets(config_.stages[i], resolution))
        if (bucket.width > most)
          throw ArgumentError("stage " + std::to_string(i + 1) + ": resolution " +
                              std::to_string(resolution) + " has pictures of " +
                              std::to_string(bucket.width) + " x " + std::to_string(bucket.height) +
                              " pixels; the model takes up to " + std::to_string(most) +
                              " a side: take a smaller resolution or max_aspect");
  if (config_.samples.prompts.empty()) return;
  try {
    check_options(sample_options(), model, pictures_.vae());
  } catch (const ArgumentError&) {
    rethrow_with_context("samples");
  }
}

GenerateOptions TransformerObjective::sample_options() const {
  constexpr int kSampleSteps = 20;
  const auto defaults = ModelDefaults::from_json(files_.extras(), transformer_.config(), pictures_.vae(),
                                                 files_.location() + ", sd35.json");
  GenerateOptions options;
  options.width = config_.samples.width;
  options.height = config_.samples.height;
  options.num_inference_steps =
      config_.samples.steps > 0 ? config_.samples.steps : defaults.steps.value_or(kSampleSteps);
  options.guidance_scale = config_.samples.guidance_scale;
  options.noise_dtype = "f32";
  options.max_sequence_length = pictures_.sequence_length(config_.stages.back());
  return with_model_defaults(options, defaults, transformer_.config(), pictures_.vae(), 0);
}

void TransformerObjective::initialize(const ParameterSpec& spec, std::span<float> values,
                                      SampleRandom random) const {
  if (spec.kind != ParameterKind::position_table) return initial_values(spec, values, random);
  const MmditConfig& config = transformer_.config();
  const std::int64_t centre = transformer_json_.value("sample_size", 128) / config.patch_size;
  PositionTable(config.pos_embed_max_size, config.width(), centre).fill(0, values);
}

double TransformerObjective::shift_of(const MicroBatch& batch) const {
  const double shift = config_.stages[batch.stage].shift;
  if (shift > 0) return shift;
  const std::int64_t base = config_.base_resolution;
  const std::int64_t pixels = static_cast<std::int64_t>(batch.width) * batch.height;
  return std::max(1.0, resolution_shift(pixels, base * base));
}

PreparedBatch TransformerObjective::prepare(const MicroBatch& batch, const StepRandom& random) {
  const auto B = static_cast<std::int64_t>(batch.samples.size());
  std::vector<SampleDraws> draws(batch.samples.size());
  std::vector<FittedPicture> pictures(batch.samples.size());
  std::vector<std::string> captions(batch.samples.size());
  parallel_for(B, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const auto i = static_cast<std::size_t>(b);
      draws[i] = SampleDraws(config_, random.sample(batch.first + b), shift_of(batch));
      std::int64_t sample = batch.samples[i];
      pictures[i] = fitted(batch, b, draws[i].flip, sample);
      if (!draws[i].empty_caption) captions[i] = pictures_.dataset().caption(sample, draws[i].caption_choice);
    }
  });
  pictures_.encode(pictures);

  const PromptEmbedding embedding =
      pictures_.embed(captions, pictures_.sequence_length(config_.stages[batch.stage]));
  const Shape one{embedding.tokens.dim(1), embedding.tokens.dim(2)};
  const VaeConfig& vae = pictures_.vae();
  const Shape latents{B, vae.latent_channels, batch.height / vae.scale(), batch.width / vae.scale()};
  const std::int64_t rows = latents[2] / transformer_.config().patch_size,
                     columns = latents[3] / transformer_.config().patch_size;
  FlowBatch flow;
  flow.clean = Tensor(latents, DType::f32);
  flow.noise = Tensor(latents, DType::f32);
  flow.origins.resize(batch.samples.size());
  const std::int64_t each = latents.numel() / B;
  parallel_for(B, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t b = begin; b < end; ++b) {
      const auto i = static_cast<std::size_t>(b);
      const auto size = static_cast<std::size_t>(each);
      std::vector<float> normal(size);
      draws[i].random.normal(normal);
      std::ranges::copy(draw_latents(vae, *pictures[i].moments, normal).floats(),
                        flow.clean.data<float>() + b * each);
      draws[i].random.normal({flow.noise.data<float>() + b * each, size});
      flow.origins[i] = draws[i].origin(transformer_.config().pos_embed_max_size, rows, columns);
      Tensor tokens = embedding.tokens.rows(b, b + 1).reshape(one);
      Tensor pooled = embedding.pooled.rows(b, b + 1).reshape({embedding.pooled.dim(1)});
      drop_encoders(pictures_.layout(), draws[i].dropped, tokens, pooled);
    }
  });
  for (const SampleDraws& sample : draws) flow.sigmas.push_back(sample.sigma);
  flow.clean = on_device(std::move(flow.clean));
  flow.noise = on_device(std::move(flow.noise));
  flow.prompt_embedding = on_device(embedding.tokens);
  flow.pooled_projection = on_device(embedding.pooled);
  return flow;
}

// Ahead of its turn, so that the device need not wait for it.
Tensor TransformerObjective::on_device(Tensor x) const {
  return config_.device == "cpu" ? x : from_torch(to_torch(x).to(at::Device(local_device(config_.device))));
}

FittedPicture TransformerObjective::fitted(const MicroBatch& batch, std::int64_t place, bool flip,
                                           std::int64_t& sample) {
  constexpr int kAttempts = 16;
  for (int attempt = 0;; ++attempt) {
    try {
      return pictures_.fitted(sample, batch.width, batch.height, flip);
    } catch (const FileError& error) {
      if (attempt == kAttempts || !batch.replacement) throw;
      const std::lock_guard lock(mutex_);
      if (unreadable_.insert(sample).second && warn_) warn_("skipped " + std::string(error.what()));
      sample = batch.replacement(place, attempt);
    }
  }
}

std::unique_ptr<Batches> TransformerObjective::batches() const {
  return picture_batches(config_, pictures_.dataset(), warn_);
}

at::Tensor TransformerObjective::loss(const Ops& ops, const PreparedBatch& batch,
                                      std::map<std::string, double>& /*figures*/) {
  return flow_matching_loss(ops, transformer_, std::any_cast<const FlowBatch&>(batch), config_.timesteps);
}

double TransformerObjective::validation_loss(const Ops& ops) {
  if (validation_ == nullptr) return std::nan("");
  const c10::NoGradGuard no_history;
  const Stage& stage = config_.stages.back();
  const int side = *std::ranges::max_element(stage.resolutions);
  const std::int64_t count = std::min(kValidationPictures, validation_->dataset().size());
  double sum = 0;
  for (std::int64_t sample = 0; sample < count; ++sample) {
    // One picture at every level of noise is one batch.
    FittedPicture picture = validation_->fitted(sample, side, side, false);
    validation_->encode({&picture, 1});
    const std::vector<float> mean(static_cast<std::size_t>(picture.moments->numel() / 2), 0.0f);
    const Tensor clean = draw_latents(validation_->vae(), *picture.moments, mean);
    std::vector<float> normal(mean.size());
    SampleRandom(config_.seed, 0, static_cast<std::uint32_t>(sample)).normal(normal);
    const std::vector<std::string> captions(kValidationSigmas.size(),
                                            validation_->dataset().caption(sample, 0));
    const PromptEmbedding prompt = validation_->embed(captions, validation_->sequence_length(stage));
    FlowBatch flow;
    flow.clean = stack(std::vector(captions.size(), clean));
    flow.noise = stack(std::vector(captions.size(), Tensor::from(clean.shape(), normal)));
    flow.sigmas.assign(kValidationSigmas.begin(), kValidationSigmas.end());
    flow.prompt_embedding = prompt.tokens;
    flow.pooled_projection = prompt.pooled;
    sum += flow_matching_loss(ops, transformer_, flow, {TimestepDensity::uniform}).item<double>();
  }
  return sum / static_cast<double>(count);
}

std::vector<Image> TransformerObjective::samples(const Ops& ops, const Callbacks& callbacks) {
  const SampleConfig& wanted = config_.samples;
  if (wanted.prompts.empty()) return {};
  const c10::NoGradGuard no_history;
  const VaeConfig& vae = pictures_.vae();
  const auto decoder_ops = make_ops("native", dtype_from_name(config_.dtype));
  VaeDecoder decoder(vae);
  const auto weights = files_.weights(Component::vae);
  Loader loader(*weights, *decoder_ops, Reuse::many);
  decoder.parameters(Parameters(loader).scope("decoder"));

  const GenerateOptions options = sample_options();
  const std::vector<float> sigmas =
      flow_sigmas(options.num_inference_steps, scheduler_.shift, scheduler_.num_train_timesteps);
  std::vector<Image> images;
  for (std::size_t i = 0; i < wanted.prompts.size(); ++i) {
    std::vector<std::string> texts{wanted.prompts[i]};
    if (guidance_enabled(*options.guidance_scale)) texts.insert(texts.begin(), "");
    const PromptEmbedding prompt = pictures_.embed(texts, options.max_sequence_length);
    const Shape shape{1, vae.latent_channels, options.height / vae.scale(), options.width / vae.scale()};
    Tensor noise = initial_noise(options, DType::f32, wanted.seed + i, shape);
    const Tensor latents = denoise(ops, transformer_, prompt, options, sigmas, std::move(noise),
                                   StageProgress(callbacks, sd35::Stage::denoise));
    Picture picture =
        decode(*decoder_ops, vae, decoder, latents, false, StageProgress(callbacks, sd35::Stage::decode));
    images.push_back({picture.width, picture.height, std::move(picture.rgb)});
  }
  return images;
}

void TransformerObjective::write(const std::filesystem::path& run,
                                 const std::map<std::string, Tensor>& weights) const {
  // The positional table belongs to the model, trained or not.
  std::map<std::string, Tensor> all = weights;
  PositionTableFinder finder;
  Transformer(transformer_).parameters(Parameters(finder));
  all.emplace(finder.name, finder.table.to(DType::f32));
  write_component(run / "model", files_.location(), Component::transformer, transformer_json_, all);
}

}  // namespace sd35::train
