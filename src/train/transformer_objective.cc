#include "train/transformer_objective.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "ops/torch/torch_ops.h"
#include "pipeline/decode.h"
#include "pipeline/denoise.h"
#include "pipeline/random_weights.h"
#include "sampling/sigmas.h"
#include "train/batches.h"
#include "train/initialization.h"
#include "train/model_folder.h"
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

bool chance(SampleRandom& random, double probability) { return random.uniform() < probability; }

}  // namespace

TransformerObjective::TransformerObjective(const TrainConfig& config, const ModelFiles& files,
                                           const std::filesystem::path& cache, const OnMessage& warn)
    : config_(config),
      transformer_json_(files.config(Component::transformer)),
      transformer_(MmditConfig::from_json(transformer_json_, files.config_location(Component::transformer))),
      scheduler_(SchedulerConfig::from_json(files.scheduler_config(), files.location())),
      files_(files),
      pictures_(config.data, files, cache, config.dtype, config.cache_embeddings, warn),
      warn_(warn) {
  if (!config.validation_data.empty())
    validation_ = std::make_unique<ConditionedPictures>(config.validation_data, files, cache, config.dtype,
                                                        config.cache_embeddings, warn);
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

// Each sample draws its numbers in one order, whatever the configuration makes of them.
FlowBatch TransformerObjective::prepare(const MicroBatch& batch, const StepRandom& random) {
  const VaeConfig& vae = pictures_.vae();
  const MmditConfig& mmdit = transformer_.config();
  const int sequence_length = config_.stages[batch.stage].max_sequence_length;
  FlowBatch flow;
  std::vector<Tensor> clean, noise;
  std::vector<std::string> captions;
  std::vector<DroppedEncoders> dropped;
  for (std::size_t i = 0; i < batch.samples.size(); ++i) {
    SampleRandom draws = random.sample(batch.first + static_cast<std::int64_t>(i));
    const bool flip = chance(draws, 0.5) && config_.flip;
    flow.sigmas.push_back(static_cast<float>(config_.timesteps.draw(draws, shift_of(batch))));
    const bool crop = chance(draws, config_.position_crop);
    const float top = draws.uniform(), left = draws.uniform();
    const double drop = config_.condition_dropout;
    dropped.push_back({chance(draws, drop), chance(draws, drop), chance(draws, drop)});
    const auto caption_choice = static_cast<std::uint64_t>(draws.below(std::int64_t{1} << 31));

    std::int64_t sample = batch.samples[i];
    const Tensor moments = moments_of(batch, static_cast<std::int64_t>(i), flip, sample);
    std::vector<float> normal(static_cast<std::size_t>(moments.numel() / 2));
    draws.normal(normal);
    clean.push_back(draw_latents(vae, moments, normal));
    draws.normal(normal);
    noise.push_back(Tensor::from(clean.back().shape(), normal));

    const std::int64_t rows = clean.back().dim(1) / mmdit.patch_size,
                       columns = clean.back().dim(2) / mmdit.patch_size;
    const std::int64_t side = mmdit.pos_embed_max_size;
    const auto place = [](float u, std::int64_t free) {
      return std::min(free, static_cast<std::int64_t>(u * static_cast<float>(free + 1)));
    };
    flow.origins.push_back(crop ? PatchOrigin{place(top, side - rows), place(left, side - columns)}
                                : PatchOrigin{(side - rows) / 2, (side - columns) / 2});
    captions.push_back(pictures_.dataset().caption(sample, caption_choice));
    if (config_.empty_caption_dropout) {
      if (dropped.back().clip_l && dropped.back().clip_g && dropped.back().t5) captions.back().clear();
      dropped.back() = {};
    }
  }
  const PromptEmbedding embedding = pictures_.embed(captions, sequence_length);
  for (std::size_t i = 0; i < captions.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    const Shape one{embedding.tokens.dim(1), embedding.tokens.dim(2)};
    Tensor tokens = embedding.tokens.rows(row, row + 1).reshape(one);
    Tensor pooled = embedding.pooled.rows(row, row + 1).reshape({embedding.pooled.dim(1)});
    drop_encoders(pictures_.layout(), dropped[i], tokens, pooled);
  }
  flow.clean = stack(clean);
  flow.noise = stack(noise);
  flow.prompt_embedding = embedding.tokens;
  flow.pooled_projection = embedding.pooled;
  return flow;
}

Tensor TransformerObjective::moments_of(const MicroBatch& batch, std::int64_t place, bool flip,
                                        std::int64_t& sample) {
  constexpr int kAttempts = 16;
  for (int attempt = 0;; ++attempt) {
    try {
      return pictures_.moments(sample, batch.width, batch.height, flip);
    } catch (const FileError& error) {
      if (attempt == kAttempts || !batch.replacement) throw;
      if (unreadable_.insert(sample).second && warn_) warn_("skipped " + std::string(error.what()));
      sample = batch.replacement(place, attempt);
    }
  }
}

std::unique_ptr<Batches> TransformerObjective::batches() const {
  return picture_batches(config_, pictures_.dataset());
}

at::Tensor TransformerObjective::loss(const Ops& ops, const MicroBatch& batch, const StepRandom& random,
                                      std::map<std::string, double>& /*figures*/) {
  return flow_matching_loss(ops, transformer_, prepare(batch, random), config_.timesteps);
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
    const Tensor moments = validation_->moments(sample, side, side, false);
    const std::vector<float> mean(static_cast<std::size_t>(moments.numel() / 2), 0.0f);
    const Tensor clean = draw_latents(validation_->vae(), moments, mean);
    std::vector<float> normal(mean.size());
    SampleRandom(config_.seed, 0, static_cast<std::uint32_t>(sample)).normal(normal);
    const std::vector<std::string> captions(kValidationSigmas.size(),
                                            validation_->dataset().caption(sample, 0));
    const PromptEmbedding prompt = validation_->embed(captions, stage.max_sequence_length);
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

std::vector<Image> TransformerObjective::samples(const Ops& ops) {
  const SampleConfig& wanted = config_.samples;
  if (wanted.prompts.empty()) return {};
  const c10::NoGradGuard no_history;
  const VaeConfig& vae = pictures_.vae();
  const auto decoder_ops = make_ops("native", dtype_from_name(config_.dtype));
  VaeDecoder decoder(vae);
  const auto weights = files_.weights(Component::vae);
  Loader loader(*weights, *decoder_ops, Reuse::many);
  decoder.parameters(Parameters(loader).scope("decoder"));

  GenerateOptions options;
  options.num_inference_steps = wanted.steps;
  options.guidance_scale = wanted.guidance_scale;
  options.noise_dtype = "f32";
  const std::vector<float> sigmas =
      flow_sigmas(wanted.steps, scheduler_.shift, scheduler_.num_train_timesteps);
  const Callbacks silent;
  std::vector<Image> images;
  for (std::size_t i = 0; i < wanted.prompts.size(); ++i) {
    std::vector<std::string> texts{wanted.prompts[i]};
    if (wanted.guidance_scale > 1) texts.insert(texts.begin(), "");
    const PromptEmbedding prompt = pictures_.embed(texts, config_.stages.back().max_sequence_length);
    const Shape shape{1, vae.latent_channels, wanted.height / vae.scale(), wanted.width / vae.scale()};
    Tensor noise = initial_noise(options, DType::f32, wanted.seed + i, shape);
    const Tensor latents = denoise(ops, transformer_, prompt, options, sigmas, std::move(noise),
                                   StageProgress(silent, sd35::Stage::denoise));
    Picture picture =
        decode(*decoder_ops, vae, decoder, latents, false, StageProgress(silent, sd35::Stage::decode));
    images.push_back({picture.width, picture.height, std::move(picture.rgb)});
  }
  return images;
}

void TransformerObjective::write(const std::filesystem::path& run,
                                 const std::map<std::string, Tensor>& weights) const {
  write_component(run / "model", files_.location(), Component::transformer, transformer_json_, weights);
}

}  // namespace sd35::train
