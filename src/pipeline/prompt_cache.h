// Encoded prompts kept on disk, so that a prompt that was drawn before needs no text encoder.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "data/tensor_cache.h"
#include "text/prompt_encoder.h"

namespace sd35 {

struct EncodedPrompts {
  PromptEmbedding embedding;
  std::vector<std::string> warnings;  // that encoding gave
};

// The prompts of one picture are kept together, the negative one first, because they are encoded as one
// batch, whose last bits depend on its size: what is found is what encoding would give. Files are those of
// TensorCache: with checksums, shared by any number of processes.
class PromptCache {
 public:
  // `identity`: of the encoders, the tokenizers and the arithmetic. Throws FileError when the folder cannot
  // be made or read.
  PromptCache(const std::filesystem::path& folder, const std::string& identity, WarningFunction warn);

  // Nothing where they are not there, or are damaged (with a warning).
  std::optional<EncodedPrompts> find(std::span<const PromptTexts> prompts, int max_sequence_length);
  // A folder that cannot be written is a warning.
  void put(std::span<const PromptTexts> prompts, int max_sequence_length, const EncodedPrompts& encoded);

 private:
  WarningFunction warn_;
  TensorCache cache_;
};

}  // namespace sd35
