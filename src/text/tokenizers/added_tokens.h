// Tokens that are matched in the text before a tokenizer sees it: "<|endoftext|>", "<extra_id_0>" and the
// like. Reference: huggingface/tokenizers, AddedVocabulary; the entries are those of tokenizer_config.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace sd35 {

struct AddedToken {
  std::string content;
  std::int32_t id = 0;
  bool strip_left = false;   // also takes the white space before it
  bool strip_right = false;  // and after it
  bool normalized = false;   // is searched for in the normalized text
};

// An entry of added_tokens_decoder, or of tokenizer.json. Throws FileError naming `location`.
AddedToken parse_added_token(const nlohmann::json& entry, std::int32_t id, const std::string& location);
// The largest id that is read.
inline constexpr std::int32_t kLargestTokenId = 10'000'000;

// The entries of added_tokens_decoder in `folder`/tokenizer_config.json, and the padding token's content and
// longest text it names; defaults where the file is missing. Throws FileError.
struct TokenizerConfig {
  std::vector<AddedToken> added_tokens;
  std::string location;                                    // of the added tokens, for messages
  std::string bos_token, eos_token, pad_token, unk_token;  // empty if the file does not name them
  std::int64_t model_max_length = 0;                       // 0 if the file names none
};
TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder);

// A stretch of text between added tokens (id -1), or an added token.
struct TextSegment {
  std::u32string text;
  std::int32_t id = -1;
};

// Cuts the added tokens with `normalized` out of `text`: leftmost first, the longest of several.
std::vector<TextSegment> split_added_tokens(const std::u32string& text, const std::vector<AddedToken>& tokens,
                                            bool normalized);

}  // namespace sd35
