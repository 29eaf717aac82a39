#include "text/tokenizers/clip_tokenizer.h"

#include <array>

#include "core/error.h"
#include "core/messages.h"
#include "text/tokenizers/tokenizer_json.h"
#include "text/tokenizers/unicode.h"

namespace sd35 {
namespace {

constexpr const char* kStartOfText = "<|startoftext|>";
constexpr const char* kEndOfText = "<|endoftext|>";

bool is_other(char32_t c) {
  return !unicode::is_space(c) && !unicode::is_letter(c) && !unicode::is_number(c);
}

// The first of `words` at `text`, or nothing.
template <std::size_t N>
std::u32string_view match_at(std::u32string_view text, const std::array<std::u32string_view, N>& words) {
  for (const std::u32string_view word : words)
    if (text.starts_with(word)) return word;
  return {};
}

template <class Predicate>
std::size_t run_length(std::u32string_view text, Predicate belongs) {
  std::size_t length = 0;
  while (length < text.size() && belongs(text[length])) ++length;
  return length;
}

}  // namespace

std::vector<std::u32string> split_clip_words(std::u32string_view text) {
  static constexpr std::array<std::u32string_view, 2> specials = {U"<|startoftext|>", U"<|endoftext|>"};
  static constexpr std::array<std::u32string_view, 7> contractions = {U"'s", U"'t",  U"'re", U"'ve",
                                                                      U"'m", U"'ll", U"'d"};
  std::vector<std::u32string> words;
  while (!text.empty()) {
    const char32_t c = text.front();
    if (unicode::is_space(c)) {
      text.remove_prefix(1);
      continue;
    }
    if (const auto special = match_at(text, specials); !special.empty()) {
      // A second pass of the reference splits text that spells a special token into its letters and the signs
      // around them.
      words.insert(words.end(), {U"<|", std::u32string(special.substr(2, special.size() - 4)), U"|>"});
      text.remove_prefix(special.size());
      continue;
    }
    std::size_t length = match_at(text, contractions).size();
    if (length == 0 && unicode::is_letter(c)) length = run_length(text, unicode::is_letter);
    if (length == 0 && unicode::is_number(c)) length = 1;
    if (length == 0) length = run_length(text, is_other);
    words.emplace_back(text.substr(0, length));
    text.remove_prefix(length);
  }
  return words;
}

ClipTokenizer ClipTokenizer::load(const std::filesystem::path& folder) {
  TokenizerFolder files = open_tokenizer_folder(TokenizerKind::clip, folder);
  TokenizerConfig& config = files.config;
  BytePairVocabulary vocabulary = files.json ? files.json->clip_vocabulary() : read_vocab_and_merges(folder);
  const std::string location = vocabulary.tokens_location;
  ClipTokenizer tokenizer(BytePairEncoding(std::move(vocabulary)));
  std::vector<AddedToken> special;
  const auto id_of = [&](const std::string& named, const char* fallback) {
    const std::string token = named.empty() ? fallback : named;
    const std::int32_t id = tokenizer.bpe_.id_of(token);
    if (id < 0) throw FileError(location + ": there is no token " + in_quotes(token), {}, location);
    special.push_back({token, id, false, false, false});
    return id;
  };
  tokenizer.start_of_text_ = id_of(config.bos_token, kStartOfText);
  tokenizer.end_of_text_ = id_of(config.eos_token, kEndOfText);
  tokenizer.padding_ = id_of(config.pad_token, kEndOfText);
  tokenizer.unknown_ = id_of(config.unk_token, kEndOfText);
  if (config.added_tokens.empty()) config.added_tokens = std::move(special);
  for (const AddedToken& token : config.added_tokens)
    if (token.id >= tokenizer.vocab_size())
      throw FileError(config.location + ": the added token " + in_quotes(token.content) + " has the id " +
                          std::to_string(token.id) + " beyond the vocabulary of " +
                          std::to_string(tokenizer.vocab_size()),
                      {}, config.location);
  tokenizer.bpe_.check_complete(config.added_tokens);
  tokenizer.added_tokens_ = std::move(config.added_tokens);
  tokenizer.model_max_length_ = config.model_max_length;
  return tokenizer;
}

void ClipTokenizer::encode_segment(const std::u32string& text, std::vector<std::int32_t>& ids) const {
  const std::u32string normal = unicode::to_lower(unicode::to_nfc(text));
  for (const TextSegment& segment : split_added_tokens(normal, added_tokens_, true)) {
    if (segment.id >= 0) {
      ids.push_back(segment.id);
      continue;
    }
    for (const std::u32string& word : split_clip_words(segment.text)) {
      const std::vector<std::int32_t> tokens = bpe_.encode(unicode::encode(word), unknown_);
      ids.insert(ids.end(), tokens.begin(), tokens.end());
    }
  }
}

std::vector<std::int32_t> ClipTokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids = {start_of_text_};
  for (const TextSegment& segment : split_added_tokens(unicode::decode(text), added_tokens_, false)) {
    if (segment.id >= 0)
      ids.push_back(segment.id);
    else
      encode_segment(segment.text, ids);
  }
  ids.push_back(end_of_text_);
  return ids;
}

Tokenized ClipTokenizer::encode(std::string_view text, int length) const {
  Tokenized result{encode(text), 0, {}};
  result.tokens = result.ids.size();
  const auto wanted = static_cast<std::size_t>(length);
  if (result.ids.size() > wanted) {
    for (std::size_t i = wanted - 1; i + 1 < result.ids.size(); ++i)
      result.truncated += bpe_.text_of(result.ids[i]);
    while (result.truncated.ends_with(' ')) result.truncated.pop_back();
    result.ids.resize(wanted);
    result.ids.back() = end_of_text_;
  }
  result.ids.resize(wanted, padding_);
  return result;
}

}  // namespace sd35
