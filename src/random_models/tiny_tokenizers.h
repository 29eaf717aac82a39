// Small tokenizers of the real kinds, trained from scratch, for models with random weights.
#pragma once

#include <filesystem>

namespace sd35 {

// Writes tokenizer/, tokenizer_2/ (CLIP) and tokenizer_3/ (T5) into `model_folder`, as the diffusers layout
// has them. The same bytes every time. Throws FileError when a file cannot be written.
void write_tiny_tokenizers(const std::filesystem::path& model_folder);

}  // namespace sd35
