#include "pipeline/picture_run.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/error.h"
#include "core/progress.h"
#include "core/random.h"
#include "core/type_names.h"
#include "image/provenance.h"
#include "image/resize.h"
#include "options/input_choices.h"
#include "pipeline/loading.h"
#include "pipeline/preview.h"
#include "pipeline/recipe.h"
#include "sampling/bilinear.h"
#include "sampling/guidance.h"
#include "sampling/sampler.h"
#include "sampling/sigmas.h"
#include "vae/autoencoder.h"

namespace sd35 {
namespace {

// `steps`: of the whole schedule, also where only its end is run.
void guide(const GenerateOptions& options, int steps, DenoiseJob& job) {
  const SkipLayerOptions& skip = options.skip_layer_guidance;
  job.contexts = {{0, {}}, {1, {}}, {skip.in_negative ? 0 : 1, skip.layers}};
  GuidanceSettings settings{options.guidance_scale.value(), steps};
  settings.interval = {options.guidance_start, options.guidance_stop};
  settings.skip = {skip.layers, skip.scale, skip.start, skip.stop, skip.in_negative};
  settings.zero_star = options.cfg_zero;
  if (options.cfg_zero) settings.zero_steps = options.cfg_zero_steps.value();
  if (!options.apg.empty())
    settings.projection = AdaptiveProjection{options.apg.at(0), options.apg.at(1), options.apg.at(2)};
  settings.rescale = options.guidance_rescale;
  job.guidance = std::make_shared<ClassifierFreeGuidance>(std::move(settings));
}

}  // namespace

PictureRun::PictureRun(const OpenedModel& model, const Ops& ops, const MemoryPlan& plan,
                       TransformerWeights& weights, GenerateOptions options, PictureInputs inputs,
                       const Callbacks& callbacks)
    : model_(model),
      ops_(ops),
      plan_(plan),
      weights_(weights),
      options_(std::move(options)),
      callbacks_(callbacks),
      while_decoding_(callbacks),
      vae_(model.components.vae),
      noise_type_(options_.noise_dtype.empty() ? ops.compute_type()
                                               : noise_type_from_name(options_.noise_dtype)),
      schedule_(schedule_of(options_, model.components.scheduler)),
      inputs_(std::move(inputs)) {
  if (plan.tile > 0) vae_.sample_size = plan.tile;
  if (options_.metadata) {
    recipe_ = with_hashes({model.name, model.load, options_});
    recipe_.model_hash = model.hash();
    if (!options_.recipe_paths) recipe_ = with_names(std::move(recipe_));
  }
  if (options_.hires.scale > 1) hires_schedule_ = hires_schedule_of(options_, model.components.scheduler);
  if (callbacks.on_picture && callbacks.on_progress)
    while_decoding_.on_progress = [this](const Progress& progress) {
      if (!callbacks_.on_progress(progress)) stopped_ = true;
      return true;
    };
}

std::vector<Picture> PictureRun::draw(const PromptEmbedding& prompt) {
  const bool transformer_stays = plan_.together || plan_.keep >= Residency::transformer;
  const bool decoder_stays = plan_.together || plan_.keep == Residency::all;
  encode_inputs();
  while (denoised_ < options_.count) {
    std::exception_ptr error;
    try {
      denoise_next(prompt);
      if (has_second_pass()) enlarge(prompt);
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
    std::shared_ptr<PictureDecoder> decoder = make_decoder(model_.components.vae);
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
  const StageProgress progress(callbacks_, Stage::denoise, denoised_, schedule_.steps_to_run(), count);
  const int scale = vae_.scale();
  const Shape one{1, model_.components.transformer.in_channels, *options_.height / scale,
                  *options_.width / scale};
  std::vector<Beginning> beginnings;
  for (int i = 0; i < count; ++i) {
    generators_.erase(denoised_ + i);  // where it was tried before
    beginnings.push_back(begin(latent_inputs_, vae_, options_, generator(denoised_ + i), noise_type_, one));
  }
  DenoiseJob work = job(prompt, denoised_, beginnings, schedule_);
  if (latent_inputs_.mask.defined())
    hold_to_picture(beginnings, latent_inputs_.mask, options_.inpaint.soft, schedule_, smallest_sigma(),
                    work);
  const Tensor latents = denoise(ops_, *transformer_, std::move(work), progress);
  std::map<int, Tensor>& done = has_second_pass() ? small_ : waiting_;
  for (int i = 0; i < count; ++i) done[denoised_ + i] = latents.rows(i, i + 1);
  denoised_ += count;
}

NormalGenerator& PictureRun::generator(int index) {
  const std::uint64_t seed = options_.seed + static_cast<std::uint64_t>(index);
  return generators_.try_emplace(index, random_source_from_name(options_.generator), seed).first->second;
}

// Of `count` pictures, one after another in equal parts.
NoiseSource PictureRun::noise_of(int first, int count) {
  std::vector<NormalGenerator*> generators;
  for (int i = 0; i < count; ++i) generators.push_back(&generator(first + i));
  return [generators, type = noise_type_](std::span<float> noise) {
    const std::size_t size = noise.size() / generators.size();
    for (std::size_t i = 0; i < generators.size(); ++i)
      generators[i]->next(type, noise.subspan(i * size, size));
  };
}

// The last noise level of the schedule that the model was trained with.
float PictureRun::smallest_sigma() const {
  const SchedulerConfig& scheduler = model_.components.scheduler;
  const double first = 1.0 / scheduler.num_train_timesteps, shift = options_.shift.value_or(scheduler.shift);
  return static_cast<float>(shift * first / (1 + (shift - 1) * first));
}

DenoiseJob PictureRun::job(const PromptEmbedding& prompt, int first, const std::vector<Beginning>& beginnings,
                           const Schedule& schedule) {
  DenoiseJob job;
  begin_with(beginnings, schedule, job);
  job.next_noise = noise_of(first, static_cast<int>(beginnings.size()));
  job.sampler = sampler_from_name(options_.sampler.value());
  job.prompt = prompt;
  job.block_cache = options_.block_cache;
  job.forecast = options_.forecast;
  job.one_context_a_pass = plan_.one_prompt_a_pass;
  if (guidance_enabled(options_.guidance_scale.value())) guide(options_, schedule.steps(), job);
  if (latent_inputs_.reference.defined())
    job.references.push_back(
        ops_.concat(std::vector<Tensor>(beginnings.size(), latent_inputs_.reference), 0));
  if (callbacks_.on_preview)
    job.on_estimate = [this, shape = job.latents.shape(), skipped = schedule.first_step](
                          int steps_done, std::span<const float> clean) {
      const int step = steps_done - skipped;
      if (step % std::max(1, callbacks_.preview_every) == 0) show_preview(Tensor::from(shape, clean), step);
    };
  if (callbacks_.on_step)
    job.after_step = [this, first, &schedule, shape = job.latents.shape()](int steps_done,
                                                                           std::span<float> latents) {
      const float sigma = schedule.sigmas.at(static_cast<std::size_t>(steps_done) - 1);
      const StepResult result{latents,
                              {shape[0], shape[1], shape[2], shape[3]},
                              first,
                              steps_done - schedule.first_step,
                              schedule.steps_to_run(),
                              timestep_at(sigma)};
      if (!callbacks_.on_step(result)) throw Cancelled();
    };
  return job;
}

void PictureRun::show_preview(const Tensor& latents, int step) {
  const PartOfWork part(ops_, "preview");
  const Components& components = model_.components;
  if (components.preview_autoencoder) {
    if (!preview_decoder_) load_preview_decoder();
    const Tensor scaled = to_autoencoder_scale(components.preview_autoencoder->config, latents);
    callbacks_.on_preview(picture_of(ops_, preview_decoder_->forward(ops_, scaled)), step);
  } else if (const auto preview = preview_of(latents, components.preview_colours)) {
    callbacks_.on_preview(*preview, step);
  }
}

void PictureRun::load_preview_decoder() {
  const PreviewAutoencoder& tiny = *model_.components.preview_autoencoder;
  preview_decoder_ = model_.residents.preview_decoder.get(
      [&] {
        std::shared_ptr<PictureDecoder> decoder = make_decoder(tiny.config);
        Loader loader(*tiny.weights, ops_, Reuse::many);
        decoder->parameters(Parameters(loader).scope("decoder"));
        return decoder;
      },
      [] {});
  if (plan_.keep >= Residency::transformer) model_.residents.preview_decoder.keep(preview_decoder_);
}

// The second pass of HiresOptions, from what the first has drawn.
void PictureRun::enlarge(const PromptEmbedding& prompt) {
  const bool by_pixels = upscaler_from_name(options_.hires.upscaler) == Upscaler::lanczos;
  if (by_pixels && !plan_.together && plan_.keep < Residency::transformer) transformer_.reset();
  std::map<int, Beginning> beginnings;
  for (const auto& [index, latents] : std::exchange(small_, {}))
    beginnings[index] = begin_again(latents, index, by_pixels);
  if (by_pixels && !plan_.together && plan_.keep < Residency::all) decoder_.reset();
  encoder_.reset();
  ops_.trim();
  load_transformer();
  for (const auto& [index, beginning] : beginnings) {
    const PartOfWork part(ops_, "denoise");
    const StageProgress progress(callbacks_, Stage::denoise, index, hires_schedule_.steps_to_run());
    try {
      waiting_[index] =
          denoise(ops_, *transformer_, job(prompt, index, {beginning}, hires_schedule_), progress);
    } catch (const NumericError& error) {
      fails(error, index);
    }
  }
}

// Latents of the first pass, enlarged, with the noise of the second.
Beginning PictureRun::begin_again(const Tensor& latents, int index, bool by_pixels) {
  const ImageSize size = hires_size(options_, vae_.scale() * model_.components.transformer.patch_size);
  const std::int64_t h = size.height / vae_.scale(), w = size.width / vae_.scale();
  const Shape one{1, latents.dim(1), h, w};
  if (!by_pixels)
    return {bilinear(latents, h, w), begin({}, vae_, options_, generator(index), noise_type_, one).noise};
  load_decoder();
  const StageProgress progress(callbacks_, Stage::decode, index);
  const Picture drawn = decode(ops_, vae_, *decoder_, latents, decoding(), progress);
  const Image large = resize({drawn.width, drawn.height, drawn.rgb}, size.width, size.height);
  LatentInputs inputs;
  inputs.encoded = encoded(large, index);
  return begin(inputs, vae_, options_, generator(index), noise_type_, one);
}

void PictureRun::encode_inputs() {
  if (inputs_.init) latent_inputs_.encoded = encoded(*inputs_.init, 0);
  if (inputs_.mask) latent_inputs_.mask = latent_mask(*inputs_.mask, vae_.scale(), options_.inpaint.soft);
  if (inputs_.reference)
    latent_inputs_.reference = denoiser_latents(vae_, encoded(*inputs_.reference, 0), Tensor());
  encoder_.reset();
  ops_.trim();
}

Tensor PictureRun::encoded(const Image& picture, int index) {
  if (!encoder_) {
    const PartOfWork part(ops_, "load encoder");
    std::unique_ptr<PictureEncoder> encoder = make_encoder(model_.components.vae);
    load_model(*encoder, *model_.components.vae_weights, "encoder", ops_,
               StageProgress(callbacks_, "encoder"));
    encoder_ = std::move(encoder);
  }
  const PartOfWork part(ops_, "encode picture");
  VaeConfig vae = model_.components.vae;
  if (plan_.encode_tile > 0) vae.sample_size = plan_.encode_tile;
  const StageProgress progress(callbacks_, Stage::encode_picture, index);
  return encode(ops_, vae, *encoder_, picture, plan_.encode_tile > 0 || options_.vae_tiling, progress);
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

Decoding PictureRun::decoding() const {
  return {.tiled = plan_.tile > 0 || options_.vae_tiling, .kept = plan_.kept};
}

Picture PictureRun::decode_picture(const Tensor& latents, int index) {
  const PartOfWork part(ops_, "decode");
  const StageProgress progress(while_decoding_, Stage::decode, index);
  Picture picture = decode(ops_, vae_, *decoder_, latents, decoding(), progress);
  generators_.erase(index);
  if (inputs_.original) {
    Image whole = inputs_.put_back({picture.width, picture.height, std::move(picture.rgb)});
    picture = {whole.width, whole.height, std::move(whole.rgb), {}};
  }
  if (options_.metadata) picture.metadata = metadata_of(recipe(index));
  if (options_.provenance) picture.digital_source_type = digital_source_type_of_drawn(inputs_.marks);
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
