// From an encoded prompt to pictures: the larger part of one call of Pipeline::generate().
#pragma once

#include <optional>
#include <vector>

#include "core/tensor.h"
#include "mmdit/transformer.h"
#include "ops/ops.h"
#include "pipeline/components.h"
#include "pipeline/memory_plan.h"
#include "pipeline/packed_transformer.h"
#include "sd35/sd35.h"
#include "text/prompt_encoder.h"
#include "vae/autoencoder.h"

namespace sd35 {

// Denoises and decodes picture after picture as the memory plan says. What is denoised is decoded and
// delivered on every way out, where Callbacks::on_picture takes pictures one by one.
class PictureRun {
 public:
  // `recipe`: of all pictures, its options complete. The references must outlive this.
  PictureRun(const Ops& ops, const Components& components, const MemoryPlan& plan,
             TransformerWeights& weights, Recipe recipe, const Callbacks& callbacks);
  PictureRun(const PictureRun&) = delete;
  PictureRun& operator=(const PictureRun&) = delete;

  // Throws and returns what Pipeline::generate() does.
  std::vector<Picture> draw(const PromptEmbedding& prompt);

 private:
  void load_transformer();
  void load_decoder();
  void denoise_next(const PromptEmbedding& prompt);
  void decode_waiting();
  Picture decode_picture(const Tensor& latents, int index);
  void deliver(Picture picture, int index);

  const Ops& ops_;
  const Components& components_;
  const MemoryPlan& plan_;
  TransformerWeights& weights_;
  Recipe recipe_;
  const GenerateOptions& options_;  // of the recipe
  const Callbacks& callbacks_;
  Callbacks while_decoding_;
  bool stopped_ = false;  // on_progress said so while decoding
  VaeConfig vae_;         // with the plan's size of tiles
  std::vector<float> sigmas_;
  std::optional<Transformer> transformer_;
  std::optional<VaeDecoder> decoder_;
  int denoised_ = 0;               // pictures
  std::vector<Tensor> waiting_;    // latents of the last of those, to be decoded
  std::vector<Picture> pictures_;  // that nobody took
};

}  // namespace sd35
