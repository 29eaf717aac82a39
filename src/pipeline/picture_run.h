// From an encoded prompt to pictures: the larger part of one call of Pipeline::generate().
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "core/error.h"
#include "core/progress.h"
#include "core/random.h"
#include "core/tensor.h"
#include "mmdit/transformer.h"
#include "ops/ops.h"
#include "pipeline/autoencode.h"
#include "pipeline/denoise.h"
#include "pipeline/latent_inputs.h"
#include "pipeline/memory_plan.h"
#include "pipeline/opened_model.h"
#include "pipeline/packed_transformer.h"
#include "pipeline/picture_inputs.h"
#include "pipeline/schedule.h"
#include "sd35/sd35.h"
#include "text/prompt_encoder.h"
#include "vae/encoder_decoder.h"

namespace sd35 {

// Denoises and decodes picture after picture as the memory plan says. What is denoised is decoded and
// delivered however the run ends, if Callbacks::on_picture takes pictures one by one.
class PictureRun {
 public:
  // `options`: of all pictures, complete; `inputs`: theirs. `ops`: the model's engine, or one around it. The
  // references must outlive this.
  PictureRun(const OpenedModel& model, const Ops& ops, const MemoryPlan& plan, TransformerWeights& weights,
             GenerateOptions options, PictureInputs inputs, const Callbacks& callbacks);
  PictureRun(const PictureRun&) = delete;
  PictureRun& operator=(const PictureRun&) = delete;

  // Throws and returns what Pipeline::generate() does.
  std::vector<Picture> draw(const PromptEmbedding& prompt);

 private:
  void load_transformer();
  void load_decoder();
  void encode_inputs();
  // PictureEncoder::forward.
  Tensor encoded(const Image& picture, int index);
  // From `resident` or, if it is not loaded, by `load`, which is reported as loading `part`.
  template <class T>
  std::shared_ptr<const T> shared(
      Resident<T>& resident, const char* part, const Callbacks& callbacks,
      const std::type_identity_t<std::function<std::shared_ptr<const T>(const StageProgress&)>>& load) {
    std::optional<StageProgress> progress;
    const auto loading = [&]() -> const StageProgress& {
      return progress ? *progress : progress.emplace(callbacks, part);
    };
    return resident.get(
        [&] {
          const PartOfWork named(ops_, std::string("load ") + part);
          return load(loading());
        },
        [&] { loading().report(0); });
  }
  void denoise_next(const PromptEmbedding& prompt);
  void denoise_together(const PromptEmbedding& prompt, int count);
  void denoise_alone(const PromptEmbedding& prompt);
  void fails(const NumericError& error, int index);
  NormalGenerator& generator(int index);
  float smallest_sigma() const;
  NoiseSource noise_of(int first, int count);
  // Of pictures that have begun, the first with this number.
  DenoiseJob job(const PromptEmbedding& prompt, int first, const std::vector<Beginning>& beginnings,
                 const Schedule& schedule);
  void show_preview(const Tensor& latents, int step);
  void load_preview_decoder();
  bool has_second_pass() const { return !hires_schedule_.sigmas.empty(); }
  void enlarge(const PromptEmbedding& prompt);
  Beginning begin_again(const Tensor& latents, int index, bool by_pixels);
  void decode_waiting();
  Decoding decoding() const;
  Picture decode_picture(const Tensor& latents, int index);
  Recipe recipe(int index) const;
  void deliver(Picture picture, int index);

  const OpenedModel& model_;
  const Ops& ops_;
  const MemoryPlan& plan_;
  TransformerWeights& weights_;
  GenerateOptions options_;
  Recipe recipe_;  // of all pictures; empty where files say nothing
  const Callbacks& callbacks_;
  Callbacks while_decoding_;
  bool stopped_ = false;  // on_progress said so while decoding
  VaeConfig vae_;         // with the plan's size of tiles
  DType noise_type_;
  Schedule schedule_, hires_schedule_;  // the second of HiresOptions, or empty
  PictureInputs inputs_;
  LatentInputs latent_inputs_;
  std::map<int, NormalGenerator> generators_;  // of pictures that are not decoded yet
  std::shared_ptr<const Transformer> transformer_;
  std::shared_ptr<const PictureDecoder> decoder_, preview_decoder_;
  std::unique_ptr<const PictureEncoder> encoder_;
  int denoised_ = 0;               // pictures
  std::map<int, Tensor> small_;    // latents that the second pass begins with
  std::map<int, Tensor> waiting_;  // latents [1, C, h, w] of pictures, to be decoded
  std::exception_ptr failed_;      // the first picture that could not be drawn
  std::vector<Picture> pictures_;  // that nobody took
};

}  // namespace sd35
