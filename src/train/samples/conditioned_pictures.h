// Pictures with captions as a transformer learns from them: latent distributions and prompt embeddings,
// computed once by the frozen parts of the model and kept on disk.
#pragma once

#include <c10/core/Device.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/tensor_cache.h"
#include "data/annotation.h"
#include "data/dataset.h"
#include "train/samples/frozen_parts.h"
#include "train/train_config.h"

namespace sd35::train {

// A picture at the size of its bucket, to be encoded to its latent distribution.
struct FittedPicture {
  std::string key;                // among those that are kept
  std::optional<Tensor> moments;  // [2 C, h, w] f32
  Image image;                    // empty if the moments are known
};

// All functions may be called from any number of threads.
class ConditionedPictures {
 public:
  // The frozen parts compute in config.dtype on config.device. `cache`: a folder. Throws FileError.
  ConditionedPictures(const std::string& data, const ModelFiles& files, const std::filesystem::path& cache,
                      const TrainConfig& config, const WarningFunction& warn);

  const Dataset& dataset() const { return *dataset_; }
  const VaeConfig& vae() const { return latent_encoder_.config(); }
  EmbeddingLayout layout() const { return prompt_encoder_.layout(); }

  // Throws FileError for a picture that cannot be read.
  FittedPicture fitted(std::int64_t sample, int width, int height, bool flip);
  // Where text and letters are in that picture. Throws FileError.
  Annotation annotation(std::int64_t sample, int width, int height, bool flip) const;
  // Computes the moments of those without them, and keeps them. All pictures have the same size.
  void encode(std::span<FittedPicture> pictures);
  // T5 tokens of a caption in the stage.
  int sequence_length(const Stage& stage) const {
    return train::sequence_length(stage, prompt_encoder_.t5_max_length());
  }
  // The same, cut to what the longest of the texts takes, in steps of eight.
  int sequence_length(const Stage& stage, std::span<const std::string> texts) const;
  // Embeddings of texts: tokens [B, M, D], pooled [B, P], f32.
  PromptEmbedding embed(std::span<const std::string> texts, int max_sequence_length);

 private:
  std::unique_ptr<Dataset> dataset_;
  std::string location_;
  std::unique_ptr<Ops> ops_;
  c10::Device device_;
  std::int64_t width_;  // D
  PromptEncoder prompt_encoder_;
  LatentEncoder latent_encoder_;
  bool cache_embeddings_;
  bool one_by_one_;  // pictures are encoded
  DType kept_;       // element type of what is kept
  TensorCache latents_, embeddings_;
  WarningFunction warn_;
  std::atomic<bool> told_of_cut_ = false;  // that a text is longer than an encoder takes
};

}  // namespace sd35::train
