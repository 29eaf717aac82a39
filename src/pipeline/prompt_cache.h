// Encoded prompts kept on disk, so that a prompt that was drawn before needs no text encoder.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/tensor_cache.h"
#include "text/prompt_encoder.h"

namespace sd35 {

struct EncodedPrompts {
  PromptEmbedding embedding;
  std::vector<std::string> warnings;  // that encoding gave
};

// The prompts of one picture are kept together, the negative one first, because they are encoded as one
// batch, whose last bits depend on its size: what is found is what encoding would produce. Files are those of
// TensorCache: with checksums, shared by any number of processes.
class PromptCache {
 public:
  // `identity`: of the encoders, the tokenizers and the arithmetic; `layout` and the `width` of a token: what
  // the encoders would produce. A folder that cannot be written gives a warning; what is there can still be
  // read. Throws FileError when it cannot be made or read.
  PromptCache(const std::filesystem::path& folder, const std::string& identity, const EmbeddingLayout& layout,
              std::int64_t width, WarningFunction warn);

  // Nothing if they are missing, or (with a warning) damaged or not what the encoders would produce.
  std::optional<EncodedPrompts> find(std::span<const PromptTexts> prompts, int max_sequence_length);
  // A folder that cannot be written gives a warning.
  void put(std::span<const PromptTexts> prompts, int max_sequence_length, const EncodedPrompts& encoded);

 private:
  std::optional<Tensor> find_finite(const std::string& key, const Shape& shape);

  WarningFunction warn_;
  TensorCache cache_;
  EmbeddingLayout layout_;
  std::int64_t width_;
  bool writable_ = true;
};

}  // namespace sd35
