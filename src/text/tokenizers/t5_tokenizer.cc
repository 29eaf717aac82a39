#include "text/tokenizers/t5_tokenizer.h"

#include <algorithm>

#include "core/error.h"
#include "core/messages.h"
#include "text/tokenizers/unicode.h"

namespace sd35 {
namespace {

constexpr char32_t kWordMark = 0x2581;  // stands for the space before a word
constexpr int kExtraIds = 100;

// Pads, the end of text, the unknown token, and <extra_id_99> to <extra_id_0> behind the pieces.
std::vector<AddedToken> default_added_tokens(std::int32_t pieces, std::int32_t unknown_id) {
  std::vector<AddedToken> tokens = {{"<pad>", 0, false, false, false},
                                    {"</s>", 1, false, false, false},
                                    {"<unk>", unknown_id, false, false, false}};
  for (int i = 0; i < kExtraIds; ++i)
    tokens.push_back({"<extra_id_" + std::to_string(kExtraIds - 1 - i) + ">", pieces + i, true, true, false});
  return tokens;
}

}  // namespace

T5Tokenizer::T5Tokenizer(SentencePieceModel model, const std::string& location)
    : normalizer_(model.character_map, location),
      unigram_(std::move(model.pieces), model.unknown_id),
      added_tokens_(default_added_tokens(unigram_.size(), model.unknown_id)) {}

T5Tokenizer T5Tokenizer::load(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / "spiece.model";
  T5Tokenizer tokenizer(read_sentencepiece_model(path), path.string());
  TokenizerConfig config = read_tokenizer_config(folder);
  tokenizer.model_max_length_ = config.model_max_length;
  if (!config.added_tokens.empty()) tokenizer.added_tokens_ = std::move(config.added_tokens);

  const auto id_of = [&](const std::string& named, const char* fallback) {
    const std::string& token = named.empty() ? fallback : named;
    for (const AddedToken& added : tokenizer.added_tokens_)
      if (added.content == token) return added.id;
    throw FileError((folder / "tokenizer_config.json").string() + ": added_tokens_decoder does not hold " +
                    in_quotes(token));
  };
  tokenizer.padding_ = id_of(config.pad_token, "<pad>");
  tokenizer.end_of_text_ = id_of(config.eos_token, "</s>");
  tokenizer.vocab_size_ = tokenizer.unigram_.size();
  for (const AddedToken& token : tokenizer.added_tokens_)
    tokenizer.vocab_size_ = std::max(tokenizer.vocab_size_, token.id + 1);
  return tokenizer;
}

void T5Tokenizer::encode_segment(const std::u32string& text, std::vector<std::int32_t>& ids) const {
  const std::u32string normal = normalizer_.normalize(text);
  for (std::size_t i = 0; i < normal.size();) {
    if (unicode::is_space(normal[i])) {
      ++i;
      continue;
    }
    // A word reaches to the next white space, or to a mark that the text itself holds.
    std::u32string word(1, kWordMark);
    if (normal[i] == kWordMark) ++i;
    while (i < normal.size() && !unicode::is_space(normal[i]) && normal[i] != kWordMark) word += normal[i++];
    const std::vector<std::int32_t> pieces = unigram_.encode(unicode::encode(word));
    ids.insert(ids.end(), pieces.begin(), pieces.end());
  }
}

std::vector<std::int32_t> T5Tokenizer::encode(std::string_view text) const {
  std::vector<std::int32_t> ids;
  for (const TextSegment& segment : split_added_tokens(unicode::decode(text), added_tokens_, false)) {
    if (segment.id >= 0)
      ids.push_back(segment.id);
    else
      encode_segment(segment.text, ids);
  }
  ids.push_back(end_of_text_);
  return ids;
}

std::string T5Tokenizer::text_of(std::int32_t id) const {
  for (const AddedToken& token : added_tokens_)
    if (token.id == id) return token.content;
  std::u32string piece = unicode::decode(unigram_.text_of(id));
  std::ranges::replace(piece, kWordMark, U' ');
  return unicode::encode(piece);
}

Tokenized T5Tokenizer::encode(std::string_view text, int length) const {
  Tokenized result{encode(text), {}};
  const auto wanted = static_cast<std::size_t>(length);
  if (result.ids.size() > wanted) {
    for (std::size_t i = wanted - 1; i + 1 < result.ids.size(); ++i)
      result.truncated += text_of(result.ids[i]);
    result.truncated.erase(0, result.truncated.find_first_not_of(' '));
    result.ids.resize(wanted);
    result.ids.back() = end_of_text_;
  }
  result.ids.resize(wanted, padding_);
  return result;
}

}  // namespace sd35
