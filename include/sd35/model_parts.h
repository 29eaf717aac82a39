// Parts of a model in files of their own.
#pragma once

#include <filesystem>

namespace sd35 {

// What a single-file checkpoint lacks; in a folder they replace what it holds. Empty: none.
struct ModelParts {
  // Safetensors or GGUF files, whose names are those of transformers (in a GGUF file also those of llama.cpp)
  // after any prefix; or folders of the diffusers layout.
  std::filesystem::path clip_l = {}, clip_g = {}, t5xxl = {};
  // A folder with tokenizer/, tokenizer_2/ and tokenizer_3/.
  std::filesystem::path tokenizers = {};
  // As the encoders, with the names of diffusers or of the original layout.
  std::filesystem::path transformer = {}, vae = {};
};

}  // namespace sd35
