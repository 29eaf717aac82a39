// The files of a tokenizer, as the diffusers layout has them and transformers reads them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "text/tokenizers/byte_pair_trainer.h"

namespace sd35 {

inline constexpr std::uint64_t kLargestTokenizerFile =
    64'000'000;  // bytes; the released models' have under 3 million

// vocab.json (the bytes, the bytes that end a word, the merges, start and end of text), merges.txt,
// tokenizer_config.json and special_tokens_map.json. `pad_token` is one of the vocabulary: CLIP-L pads with
// "<|endoftext|>", CLIP-G with "!". Throws ArgumentError when it is not, FileError when a file cannot be
// written.
void write_clip_tokenizer(const std::filesystem::path& folder, const std::vector<SymbolPair>& merges,
                          const std::string& pad_token, int model_max_length);

// spiece.model, its bytes as train_sentencepiece() makes them, tokenizer_config.json (100 sentinels after the
// pieces) and special_tokens_map.json. Throws FileError when a file cannot be written.
void write_t5_tokenizer(const std::filesystem::path& folder, const std::string& model, int model_max_length);

}  // namespace sd35
