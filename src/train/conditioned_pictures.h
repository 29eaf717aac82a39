// Pictures with captions as a transformer learns from them: latent distributions and prompt embeddings,
// computed once by the frozen parts of the model and kept on disk.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/tensor_cache.h"
#include "train/frozen_parts.h"

namespace sd35::train {

class ConditionedPictures {
 public:
  // `cache`: a folder. Throws FileError.
  ConditionedPictures(const std::string& data, const ModelFiles& files, const std::filesystem::path& cache,
                      const std::string& dtype, bool cache_embeddings, const WarningFunction& warn);

  const Dataset& dataset() const { return *dataset_; }
  const VaeConfig& vae() const { return latent_encoder_.config(); }
  EmbeddingLayout layout() const { return prompt_encoder_.layout(); }

  // The latent distribution of a picture that is fitted to width x height, [2 C, h, w] f32.
  Tensor moments(std::int64_t sample, int width, int height, bool flip);
  // Embeddings of texts: tokens [B, M, D], pooled [B, P], f32.
  PromptEmbedding embed(std::span<const std::string> texts, int max_sequence_length);

 private:
  std::unique_ptr<Dataset> dataset_;
  std::unique_ptr<Ops> ops_;
  std::int64_t width_;  // D
  PromptEncoder prompt_encoder_;
  LatentEncoder latent_encoder_;
  bool cache_embeddings_;
  DType kept_;  // element type of what is kept
  TensorCache latents_, embeddings_;
};

}  // namespace sd35::train
