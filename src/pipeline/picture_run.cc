#include "pipeline/picture_run.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "core/error.h"
#include "pipeline/decode.h"
#include "pipeline/denoise.h"
#include "pipeline/loading.h"
#include "pipeline/progress.h"
#include "pipeline/recipe.h"
#include "sampling/sigmas.h"

namespace sd35 {

PictureRun::PictureRun(const Ops& ops, const Components& components, const MemoryPlan& plan,
                       TransformerWeights& weights, Recipe recipe, const Callbacks& callbacks)
    : ops_(ops),
      components_(components),
      plan_(plan),
      weights_(weights),
      recipe_(std::move(recipe)),
      options_(recipe_.generate),
      callbacks_(callbacks),
      while_decoding_(callbacks),
      vae_(components.vae) {
  if (plan.tile > 0) vae_.sample_size = plan.tile;
  const SchedulerConfig& scheduler = components.scheduler;
  sigmas_ = flow_sigmas(options_.num_inference_steps.value(), options_.shift.value_or(scheduler.shift),
                        scheduler.num_train_timesteps);
  if (callbacks.on_picture && callbacks.on_progress)
    while_decoding_.on_progress = [this](const Progress& progress) {
      if (!callbacks_.on_progress(progress)) stopped_ = true;
      return true;
    };
}

std::vector<Picture> PictureRun::draw(const PromptEmbedding& prompt) {
  while (denoised_ < options_.count) {
    std::exception_ptr error;
    try {
      denoise_next(prompt);
    } catch (...) {
      if (!callbacks_.on_picture || waiting_.empty()) throw;
      error = std::current_exception();
    }
    if (!plan_.together) transformer_.reset();
    trim_pool();
    decode_waiting();
    if (!plan_.together) decoder_.reset();
    trim_pool();
    if (error) std::rethrow_exception(error);
    if (stopped_) throw Cancelled();
  }
  return std::move(pictures_);
}

void PictureRun::load_transformer() {
  if (transformer_) return;
  transformer_.emplace(components_.transformer);
  const PartOfWork part(ops_, "load transformer");
  const StageProgress loading(callbacks_, "transformer");
  if (plan_.streamed) return weights_.stream(*transformer_, loading);
  weights_.load(*transformer_, loading);
  try {
    weights_.pack(*transformer_);
  } catch (const FileError& error) {
    warn(callbacks_, "the packed weights are not kept: " + std::string(error.what()));
  }
}

void PictureRun::load_decoder() {
  if (decoder_) return;
  decoder_.emplace(vae_);
  const PartOfWork part(ops_, "load decoder");
  load_model(*decoder_, *components_.vae_weights, "decoder", ops_, StageProgress(while_decoding_, "decoder"));
}

// As many pictures as are denoised before they are decoded.
void PictureRun::denoise_next(const PromptEmbedding& prompt) {
  load_transformer();
  const int scale = components_.vae.scale();
  const Shape shape{1, components_.transformer.in_channels, *options_.height / scale,
                    *options_.width / scale};
  const int end = std::min(options_.count, denoised_ + (plan_.together ? 1 : kPicturesAtATime));
  while (denoised_ < end) {
    const std::uint64_t seed = options_.seed + static_cast<std::uint64_t>(denoised_);
    Tensor noise = initial_noise(options_, ops_.compute_type(), seed, shape);
    const PartOfWork part(ops_, "denoise");
    const StageProgress progress(callbacks_, Stage::denoise, denoised_, *options_.num_inference_steps);
    waiting_.push_back(denoise(ops_, *transformer_, prompt, options_, sigmas_, std::move(noise), progress,
                               plan_.one_prompt_a_pass));
    ++denoised_;
  }
}

void PictureRun::decode_waiting() {
  load_decoder();
  int index = denoised_ - static_cast<int>(waiting_.size());
  std::exception_ptr error;  // a picture that fails does not take the others with it
  for (const Tensor& latents : std::exchange(waiting_, {})) {
    std::optional<Picture> picture;
    try {
      picture = decode_picture(latents, index);
    } catch (const NumericError&) {
      if (!callbacks_.on_picture) throw;
      if (!error) error = std::current_exception();
    }
    if (picture) deliver(std::move(*picture), index);
    ++index;
  }
  if (error) std::rethrow_exception(error);
}

Picture PictureRun::decode_picture(const Tensor& latents, int index) {
  const PartOfWork part(ops_, "decode");
  const StageProgress progress(while_decoding_, Stage::decode, index);
  Picture picture = decode(ops_, vae_, *decoder_, latents, plan_.tile > 0 || options_.vae_tiling, progress);
  Recipe recipe = recipe_;
  recipe.generate.seed = options_.seed + static_cast<std::uint64_t>(index);
  recipe.generate.count = 1;
  picture.metadata = metadata_of(recipe);
  return picture;
}

void PictureRun::deliver(Picture picture, int index) {
  if (callbacks_.on_picture)
    callbacks_.on_picture(picture, index);
  else
    pictures_.push_back(std::move(picture));
}

}  // namespace sd35
