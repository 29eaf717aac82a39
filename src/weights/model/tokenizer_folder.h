// The two forms that a tokenizer's folder may have. diffusers and transformers up to version 4 write the
// files of each kind, transformers from version 5 on tokenizer.json alone; tokenizer_config.json is there in
// both.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

namespace sd35 {

enum class TokenizerKind : std::uint8_t { clip, t5 };

enum class TokenizerForm : std::uint8_t {
  none,
  own_files,       // vocab.json and merges.txt of CLIP, spiece.model of T5
  tokenizer_json,  // where these are not all there
};

inline constexpr const char* kTokenizerJson = "tokenizer.json";

// The form to read. Whether the files are any good is found when they are read.
TokenizerForm tokenizer_form(TokenizerKind kind, const std::filesystem::path& folder);

// What the folder lacks, as names below `shown`: "tokenizer/merges.txt (or tokenizer/tokenizer.json)"; empty
// when it has a form.
std::string missing_tokenizer_file(TokenizerKind kind, const std::filesystem::path& folder,
                                   const std::filesystem::path& shown);

}  // namespace sd35
