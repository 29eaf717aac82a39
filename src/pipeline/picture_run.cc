#include "pipeline/picture_run.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/error.h"
#include "core/progress.h"
#include "core/random.h"
#include "core/type_names.h"
#include "image/provenance.h"
#include "pipeline/decode.h"
#include "pipeline/loading.h"
#include "pipeline/preview.h"
#include "pipeline/recipe.h"
#include "sampling/guidance.h"
#include "sampling/sampler.h"
#include "sampling/sigmas.h"

namespace sd35 {
namespace {

void guide(const GenerateOptions& options, DenoiseJob& job) {
  const SkipLayerOptions& skip = options.skip_layer_guidance;
  job.contexts = {{0, {}}, {1, {}}, {1, skip.layers}};
  job.guidance = std::make_shared<ClassifierFreeGuidance>(
      options.guidance_scale.value(), options.num_inference_steps.value(),
      GuidanceInterval{options.guidance_start, options.guidance_stop},
      SkipLayerGuidance{skip.layers, skip.scale, skip.start, skip.stop});
}

}  // namespace

PictureRun::PictureRun(const OpenedModel& model, const Ops& ops, const MemoryPlan& plan,
                       TransformerWeights& weights, GenerateOptions options, const Callbacks& callbacks)
    : model_(model),
      ops_(ops),
      plan_(plan),
      weights_(weights),
      options_(std::move(options)),
      callbacks_(callbacks),
      while_decoding_(callbacks),
      vae_(model.components.vae) {
  if (plan.tile > 0) vae_.sample_size = plan.tile;
  if (options_.metadata) {
    recipe_ = with_lora_hashes({model.name, model.load, options_});
    recipe_.model_hash = model.hash();
    if (!options_.recipe_paths) recipe_ = with_names(std::move(recipe_));
  }
  const SchedulerConfig& scheduler = model.components.scheduler;
  sigmas_ = flow_sigmas(options_.num_inference_steps.value(), options_.shift.value_or(scheduler.shift),
                        scheduler.num_train_timesteps);
  if (callbacks.on_picture && callbacks.on_progress)
    while_decoding_.on_progress = [this](const Progress& progress) {
      if (!callbacks_.on_progress(progress)) stopped_ = true;
      return true;
    };
}

std::vector<Picture> PictureRun::draw(const PromptEmbedding& prompt) {
  const bool transformer_stays = plan_.together || plan_.keep >= Residency::transformer;
  const bool decoder_stays = plan_.together || plan_.keep == Residency::all;
  while (denoised_ < options_.count) {
    std::exception_ptr error;
    try {
      denoise_next(prompt);
    } catch (...) {
      if (!callbacks_.on_picture || waiting_.empty()) throw;
      error = std::current_exception();
    }
    if (!transformer_stays) transformer_.reset();
    ops_.trim();
    decode_waiting();
    if (!decoder_stays) decoder_.reset();
    ops_.trim();
    if (error) std::rethrow_exception(error);
    if (stopped_) throw Cancelled();
  }
  if (failed_) std::rethrow_exception(failed_);
  return std::move(pictures_);
}

void PictureRun::load_transformer() {
  if (transformer_) return;
  if (plan_.streamed) {
    const PartOfWork part(ops_, "load transformer");
    auto streamed = std::make_shared<Transformer>(model_.components.transformer);
    weights_.stream(*streamed, StageProgress(callbacks_, "transformer"));
    transformer_ = std::move(streamed);
    return;
  }
  transformer_ =
      shared(model_.residents.transformer, "transformer", callbacks_, [&](const StageProgress& progress) {
        auto transformer = std::make_shared<Transformer>(model_.components.transformer);
        weights_.load(*transformer, progress);
        try {
          weights_.pack(*transformer);
        } catch (const FileError& error) {
          warn(callbacks_, "the packed weights are not kept: " + std::string(error.what()));
        }
        return transformer;
      });
  if (plan_.keep >= Residency::transformer) model_.residents.transformer.keep(transformer_);
  transformer_ = weights_.adapted(std::move(transformer_));
}

void PictureRun::load_decoder() {
  if (decoder_) return;
  decoder_ = shared(model_.residents.decoder, "decoder", while_decoding_, [&](const StageProgress& progress) {
    auto decoder = std::make_shared<VaeDecoder>(model_.components.vae);
    load_model(*decoder, *model_.components.vae_weights, "decoder", ops_, progress);
    return decoder;
  });
  if (plan_.keep == Residency::all) model_.residents.decoder.keep(decoder_);
}

// As many pictures as are denoised before they are decoded.
void PictureRun::denoise_next(const PromptEmbedding& prompt) {
  load_transformer();
  const int most = callbacks_.on_preview ? 1 : plan_.batch;
  const int end = std::min(options_.count, denoised_ + (plan_.together ? most : kPicturesAtATime));
  while (denoised_ < end) {
    const int batch = std::min(most, end - denoised_);
    if (batch == 1) {
      denoise_alone(prompt);
      continue;
    }
    try {
      denoise_together(prompt, batch);
    } catch (const NumericError&) {
      // Which of them fails shows when each is drawn alone.
      for (int i = 0; i < batch; ++i) denoise_alone(prompt);
    }
  }
}

void PictureRun::denoise_alone(const PromptEmbedding& prompt) {
  try {
    denoise_together(prompt, 1);
  } catch (const NumericError& error) {
    fails(error, denoised_);
    ++denoised_;
  }
}

// Called where an exception is being handled: it is thrown when the other pictures are drawn, or now if they
// would be lost with it.
void PictureRun::fails(const NumericError& error, int index) {
  if (!callbacks_.on_picture) throw;
  if (options_.count > 1) {
    const std::uint64_t seed = options_.seed + static_cast<std::uint64_t>(index);
    warn(callbacks_, "the picture of seed " + std::to_string(seed) + " cannot be drawn: " + error.what());
  }
  if (!failed_) failed_ = std::current_exception();
}

void PictureRun::denoise_together(const PromptEmbedding& prompt, int count) {
  const PartOfWork part(ops_, "denoise");
  const StageProgress progress(callbacks_, Stage::denoise, denoised_, *options_.num_inference_steps, count);
  const Tensor latents = denoise(ops_, *transformer_, job(prompt, count), progress);
  for (int i = 0; i < count; ++i) waiting_[denoised_ + i] = latents.rows(i, i + 1);
  denoised_ += count;
}

// Of the next `count` pictures.
DenoiseJob PictureRun::job(const PromptEmbedding& prompt, int count) const {
  const int scale = model_.components.vae.scale();
  const Shape one{1, model_.components.transformer.in_channels, *options_.height / scale,
                  *options_.width / scale};
  const DType type =
      options_.noise_dtype.empty() ? ops_.compute_type() : noise_type_from_name(options_.noise_dtype);
  std::vector<Tensor> noise;
  for (int i = 0; i < count; ++i)
    noise.push_back(initial_noise(random_source_from_name(options_.generator), type,
                                  options_.seed + static_cast<std::uint64_t>(denoised_ + i), one));
  DenoiseJob job;
  job.latents = ops_.concat(noise, 0);
  job.sigmas = sigmas_;
  job.sampler = sampler_from_name(options_.sampler.value());
  job.prompt = prompt;
  job.block_cache = options_.block_cache;
  job.one_context_a_pass = plan_.one_prompt_a_pass;
  if (guidance_enabled(options_.guidance_scale.value())) guide(options_, job);
  if (callbacks_.on_preview)
    job.after_step = [this, one](int steps_done, std::span<float> latents) {
      if (const auto preview = preview_of(latents, static_cast<int>(one[3]), static_cast<int>(one[2]),
                                          model_.components.preview))
        callbacks_.on_preview(*preview, steps_done);
    };
  return job;
}

void PictureRun::decode_waiting() {
  if (waiting_.empty()) return;
  load_decoder();
  for (const auto& [index, latents] : std::exchange(waiting_, {})) {
    std::optional<Picture> picture;
    try {
      picture = decode_picture(latents, index);
    } catch (const NumericError& error) {
      fails(error, index);
    }
    if (picture) deliver(std::move(*picture), index);
  }
}

Picture PictureRun::decode_picture(const Tensor& latents, int index) {
  const PartOfWork part(ops_, "decode");
  const StageProgress progress(while_decoding_, Stage::decode, index);
  Picture picture = decode(ops_, vae_, *decoder_, latents, plan_.tile > 0 || options_.vae_tiling, progress);
  if (options_.metadata) picture.metadata = metadata_of(recipe(index));
  if (options_.provenance) picture.digital_source_type = digital_source_type_of_drawn({});
  return picture;
}

Recipe PictureRun::recipe(int index) const {
  Recipe recipe = recipe_;
  recipe.generate.seed = options_.seed + static_cast<std::uint64_t>(index);
  recipe.generate.count = 1;
  return recipe;
}

void PictureRun::deliver(Picture picture, int index) {
  if (callbacks_.on_picture)
    callbacks_.on_picture(picture, index);
  else
    pictures_.push_back(std::move(picture));
}

}  // namespace sd35
