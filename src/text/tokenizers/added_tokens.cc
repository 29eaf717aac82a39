#include "text/tokenizers/added_tokens.h"

#include "core/config_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "text/tokenizers/unicode.h"

namespace sd35 {
namespace {

// "pad_token" is a text, or an object with the text as its content.
std::string special_token(const nlohmann::json& json, const std::string& key, const std::string& location) {
  const auto it = json.find(key);
  if (it == json.end() || it->is_null()) return "";
  if (it->is_object()) return ConfigReader(*it, location).text("content");
  return ConfigReader(json, location).text(key);
}

std::int32_t id_from_key(const std::string& key, const std::string& location) {
  const bool digits =
      !key.empty() && key.size() <= 8 && key.find_first_not_of("0123456789") == std::string::npos;
  if (!digits || std::stoll(key) > kLargestTokenId)
    throw FileError(
        location + ": added_tokens_decoder: a token id is a number up to " + std::to_string(kLargestTokenId),
        {}, location);
  return static_cast<std::int32_t>(std::stoll(key));
}

}  // namespace

AddedToken parse_added_token(const nlohmann::json& entry, std::int32_t id, const std::string& location) {
  if (!entry.is_object()) throw FileError(location + ": an added token is not an object", {}, location);
  const ConfigReader reader(entry, location);
  AddedToken token{reader.text("content"), id, reader.boolean("lstrip", false),
                   reader.boolean("rstrip", false), reader.boolean("normalized", false)};
  if (token.content.empty()) throw FileError(location + ": an added token is empty", {}, location);
  if (reader.boolean("single_word", false))
    throw FileError(location + ": the added token " + in_quotes(token.content) +
                        " has single_word set, which neither CLIP nor T5 uses",
                    {}, location);
  return token;
}

TokenizerConfig read_tokenizer_config(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "tokenizer_config.json";
  const std::string location = path.string();
  TokenizerConfig config;
  config.location = location;
  std::error_code error;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path, error))) return config;
  const nlohmann::json json = read_json_file(path);
  config.bos_token = special_token(json, "bos_token", location);
  config.eos_token = special_token(json, "eos_token", location);
  config.pad_token = special_token(json, "pad_token", location);
  config.unk_token = special_token(json, "unk_token", location);
  // transformers writes 1e30 for "no limit".
  const auto length = json.find("model_max_length");
  if (length != json.end() && length->is_number() && *length >= 2 && *length <= 65536)
    config.model_max_length = length->get<std::int64_t>();
  const auto added = json.find("added_tokens_decoder");
  if (added == json.end() || added->is_null()) return config;
  if (!added->is_object())
    throw FileError(location + ": added_tokens_decoder is not an object", {}, location);
  for (const auto& [key, value] : added->items())
    config.added_tokens.push_back(parse_added_token(value, id_from_key(key, location), location));
  return config;
}

std::vector<TextSegment> split_added_tokens(const std::u32string& text, const std::vector<AddedToken>& tokens,
                                            bool normalized) {
  struct Pattern {
    std::u32string content;
    const AddedToken* token;
  };
  std::vector<Pattern> patterns;
  for (const AddedToken& token : tokens)
    if (token.normalized == normalized) patterns.push_back({unicode::decode(token.content), &token});

  std::vector<TextSegment> segments;
  std::size_t begin = 0;  // of the text that does not belong to a token yet
  const auto keep_text = [&](std::size_t end) {
    if (end > begin) segments.push_back({text.substr(begin, end - begin), -1});
  };
  for (std::size_t i = 0; i < text.size();) {
    const Pattern* best = nullptr;
    for (const Pattern& pattern : patterns)
      if (text.compare(i, pattern.content.size(), pattern.content) == 0 &&
          (best == nullptr || pattern.content.size() > best->content.size()))
        best = &pattern;
    if (best == nullptr) {
      ++i;
      continue;
    }
    std::size_t first = i, last = i + best->content.size();
    while (best->token->strip_left && first > begin && unicode::is_space(text[first - 1])) --first;
    while (best->token->strip_right && last < text.size() && unicode::is_space(text[last])) ++last;
    keep_text(first);
    segments.push_back({{}, best->token->id});
    begin = i = last;
  }
  keep_text(text.size());
  return segments;
}

}  // namespace sd35
