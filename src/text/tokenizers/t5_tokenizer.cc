#include "text/tokenizers/t5_tokenizer.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/messages.h"
#include "text/tokenizers/tokenizer_json.h"
#include "text/tokenizers/unicode.h"

namespace sd35 {
namespace {

constexpr char32_t kWordMark = 0x2581;  // stands for the space before a word

// Pads, the end of text, the unknown token, and <extra_id_99> to <extra_id_0> after the pieces.
std::vector<AddedToken> default_added_tokens(std::int32_t pieces, std::int32_t unknown_id) {
  std::vector<AddedToken> tokens = {{"<pad>", 0, false, false, false},
                                    {"</s>", 1, false, false, false},
                                    {"<unk>", unknown_id, false, false, false}};
  for (int i = 0; i < kExtraIds; ++i)
    tokens.push_back({"<extra_id_" + std::to_string(kExtraIds - 1 - i) + ">", pieces + i, true, true, false});
  return tokens;
}

// The added tokens after the pieces get a place among them. transformers treats the sentinels as pieces,
// which matters where a text becomes one only by its normalization.
void append_added(SentencePieceModel& model, const std::vector<AddedToken>& added,
                  const std::string& location) {
  std::map<std::size_t, const AddedToken*> behind;
  for (const AddedToken& token : added)
    if (const auto id = static_cast<std::size_t>(token.id); id >= model.pieces.size()) behind[id] = &token;
  for (const auto& [id, token] : behind) {
    if (id != model.pieces.size())
      throw FileError(location + ": the added token " + in_quotes(token->content) + " has the id " +
                          std::to_string(id) + ", but nothing has the id " +
                          std::to_string(model.pieces.size()) +
                          "; the file is cut short, or tokenizer_config.json belongs to another one",
                      {}, location);
    model.pieces.push_back({token->content.starts_with("<extra_id_") ? token->content : "", 0});
  }
}

}  // namespace

T5Tokenizer::T5Tokenizer(SentencePieceModel model, std::vector<AddedToken> added_tokens,
                         const std::string& location)
    : normalizer_(model.character_map, location),
      unigram_(std::move(model.pieces), model.unknown_id),
      added_tokens_(std::move(added_tokens)) {}

T5Tokenizer T5Tokenizer::load(const std::filesystem::path& folder) {
  TokenizerFolder files = open_tokenizer_folder(TokenizerKind::t5, folder);
  TokenizerConfig& config = files.config;
  const std::filesystem::path path = folder / (files.json ? kTokenizerJson : "spiece.model");
  SentencePieceModel model = files.json ? files.json->t5_model() : read_sentencepiece_model(path);
  if (config.added_tokens.empty())
    config.added_tokens =
        default_added_tokens(static_cast<std::int32_t>(model.pieces.size()), model.unknown_id);
  append_added(model, config.added_tokens, path.string());
  T5Tokenizer tokenizer(std::move(model), std::move(config.added_tokens), path.string());
  tokenizer.model_max_length_ = config.model_max_length;

  const auto id_of = [&](const std::string& named, const char* fallback) {
    const std::string& token = named.empty() ? fallback : named;
    for (const AddedToken& added : tokenizer.added_tokens_)
      if (added.content == token) return added.id;
    throw FileError(config.location + ": no added token is " + in_quotes(token), {}, config.location);
  };
  tokenizer.padding_ = id_of(config.pad_token, "<pad>");
  tokenizer.end_of_text_ = id_of(config.eos_token, "</s>");
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
  Tokenized result{encode(text), 0, {}};
  result.tokens = result.ids.size();
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
