#include "text/tokenizers/tokenizer_json.h"

#include <algorithm>
#include <cmath>

#include "core/config_file.h"
#include "core/error.h"
#include "text/tokenizers/tokenizer_files.h"

namespace sd35 {
namespace {

[[noreturn]] void fail(const std::string& location, const std::string& what) {
  throw FileError(location + ": " + what, {}, location);
}

// Throws for a step that this program does not have.
void require(bool same, const std::string& location, const char* step, const char* whose) {
  if (!same)
    fail(location,
         "its " + std::string(step) + " is not that of " + whose + "'s own tokenizer; no other is read");
}

// A value of an object, null if there is none.
const nlohmann::json& at(const nlohmann::json& object, const char* key) {
  static const nlohmann::json null;
  if (!object.is_object()) return null;
  const auto found = object.find(key);
  return found == object.end() ? null : *found;
}

// The same; `fallback` where it is missing or null.
nlohmann::json value(const nlohmann::json& object, const char* key, nlohmann::json fallback) {
  const nlohmann::json& found = at(object, key);
  return found.is_null() ? fallback : found;
}

// The parts of a step that may be a sequence of steps, listed by `key`.
std::vector<nlohmann::json> parts_of(const nlohmann::json& step, const char* key) {
  if (step.is_null()) return {};
  if (value(step, "type", "") != "Sequence") return {step};
  const nlohmann::json& list = at(step, key);
  return list.is_array() ? std::vector<nlohmann::json>(list.begin(), list.end())
                         : std::vector<nlohmann::json>{nlohmann::json()};
}

bool has_type(const nlohmann::json& step, const char* type) { return value(step, "type", "") == type; }

bool replaces(const nlohmann::json& step, const char* pattern, const char* content) {
  return has_type(step, "Replace") && at(step, "pattern") == nlohmann::json{{"Regex", pattern}} &&
         at(step, "content") == content;
}

// transformers builds its own normalizer and pre-tokenizer whatever the file says, so that the pattern of
// files before version 5, which does not name the special tokens, means the same.
void check_clip_steps(const nlohmann::json& json, const std::string& location) {
  constexpr const char* clip = "CLIP";
  const std::string words = R"('s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+)";
  const std::string specials = R"(<\|startoftext\|>|<\|endoftext\|>|)";
  const std::vector<nlohmann::json> normalizer = parts_of(at(json, "normalizer"), "normalizers");
  require(normalizer.size() == 3 && has_type(normalizer[0], "NFC") &&
              replaces(normalizer[1], R"(\s+)", " ") && has_type(normalizer[2], "Lowercase"),
          location, "normalizer", clip);

  const std::vector<nlohmann::json> steps = parts_of(at(json, "pre_tokenizer"), "pretokenizers");
  const auto splits = [&](const nlohmann::json& step) {
    const nlohmann::json& pattern = at(at(step, "pattern"), "Regex");
    return has_type(step, "Split") && (pattern == words || pattern == specials + words) &&
           at(step, "behavior") == "Removed" && at(step, "invert") == true;
  };
  const auto makes_bytes = [](const nlohmann::json& step) {
    return has_type(step, "ByteLevel") && value(step, "add_prefix_space", true) == false &&
           value(step, "use_regex", true) == true;
  };
  require(steps.size() == 2 && splits(steps[0]) && makes_bytes(steps[1]), location, "pre_tokenizer", clip);
  require(has_type(at(json, "post_processor"), "RobertaProcessing"), location, "post_processor", clip);
}

void check_t5_steps(const nlohmann::json& json, const std::string& location) {
  constexpr const char* t5 = "T5";
  const std::vector<nlohmann::json> normalizer = parts_of(at(json, "normalizer"), "normalizers");
  // The last two come from converters before version 5; transformers itself leaves them out.
  require(std::ranges::all_of(normalizer,
                              [](const nlohmann::json& step) {
                                return has_type(step, "Precompiled") ||
                                       (has_type(step, "Strip") && at(step, "strip_left") == false) ||
                                       replaces(step, " {2,}", "\u2581");
                              }),
          location, "normalizer", t5);
  std::vector<nlohmann::json> steps = parts_of(at(json, "pre_tokenizer"), "pretokenizers");
  if (!steps.empty() && has_type(steps.front(), "WhitespaceSplit")) steps.erase(steps.begin());
  const auto marks_words = [](const nlohmann::json& step) {
    const bool always =
        value(step, "prepend_scheme", "always") == "always" && value(step, "add_prefix_space", true) == true;
    return has_type(step, "Metaspace") && at(step, "replacement") == "\u2581" && always &&
           value(step, "split", true) == true;
  };
  require(steps.size() == 1 && marks_words(steps[0]), location, "pre_tokenizer", t5);
  require(has_type(at(json, "post_processor"), "TemplateProcessing"), location, "post_processor", t5);
}

// "a b" of files up to huggingface/tokenizers 0.19, ["a", "b"] since.
SymbolPair parse_merge(const nlohmann::json& merge, const std::string& location) {
  if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
    return {merge[0].get<std::string>(), merge[1].get<std::string>()};
  const std::string text = merge.is_string() ? merge.get<std::string>() : "";
  const std::size_t space = text.find(' ');
  if (space == text.npos) fail(location, "a merge is neither two tokens nor a text of two");
  return {text.substr(0, space), text.substr(space + 1)};
}

SentencePiece parse_piece(const nlohmann::json& piece, const std::string& location) {
  if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() || !piece[1].is_number())
    fail(location, "a piece of the vocabulary is not a text and its score");
  const auto score = piece[1].get<double>();
  if (!std::isfinite(score)) fail(location, "a piece has a score that is not a number");
  return {piece[0].get<std::string>(), score};
}

std::string decode_base64(const std::string& text, const std::string& location) {
  constexpr std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : std::string_view(text).substr(0, text.find_last_not_of('=') + 1)) {
    const std::size_t digit = digits.find(c);
    if (digit == digits.npos) fail(location, "precompiled_charsmap is not base64");
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes += static_cast<char>(bits >> count & 0xff);
  }
  return bytes;
}

// The model of the file, which must be of `type`.
const nlohmann::json& model_of(const nlohmann::json& json, const char* type, const std::string& location) {
  const nlohmann::json& model = at(json, "model");
  if (!model.is_object() || value(model, "type", type) != type)
    fail(location, "its model is not of the type " + std::string(type));
  return model;
}

}  // namespace

TokenizerJson::TokenizerJson(const std::filesystem::path& folder)
    : json_(read_json_file(folder / kTokenizerJson, kLargestTokenizerFile)),
      location_((folder / kTokenizerJson).string()) {}

BytePairVocabulary TokenizerJson::clip_vocabulary() const {
  const nlohmann::json& model = model_of(json_, "BPE", location_);
  check_clip_steps(json_, location_);
  require(value(model, "end_of_word_suffix", "") == "</w>" &&
              value(model, "continuing_subword_prefix", "") == "" && value(model, "dropout", 0.0) == 0.0 &&
              value(model, "byte_fallback", false) == false && value(model, "ignore_merges", false) == false,
          location_, "model", "CLIP");
  const nlohmann::json &tokens = at(model, "vocab"), &merges = at(model, "merges");
  if (!tokens.is_object() || !merges.is_array()) fail(location_, "its model lacks vocab or merges");
  BytePairVocabulary vocabulary{tokens_by_id(tokens, location_), {}, location_, location_};
  for (const nlohmann::json& merge : merges) vocabulary.merges.push_back(parse_merge(merge, location_));
  return vocabulary;
}

SentencePieceModel TokenizerJson::t5_model() const {
  const nlohmann::json& json = model_of(json_, "Unigram", location_);
  check_t5_steps(json_, location_);
  require(value(json, "byte_fallback", false) == false, location_, "model", "T5");
  SentencePieceModel model;
  const nlohmann::json& pieces = at(json, "vocab");
  if (!pieces.is_array() || pieces.empty()) fail(location_, "its model has no vocab");
  for (const nlohmann::json& piece : pieces) model.pieces.push_back(parse_piece(piece, location_));
  const auto last = static_cast<std::int64_t>(pieces.size()) - 1;
  model.unknown_id = static_cast<std::int32_t>(ConfigReader(json, location_).integer("unk_id", 0, last));
  for (const nlohmann::json& step : parts_of(at(json_, "normalizer"), "normalizers"))
    if (has_type(step, "Precompiled"))
      model.character_map =
          decode_base64(ConfigReader(step, location_).text("precompiled_charsmap"), location_);
  return model;
}

std::vector<AddedToken> TokenizerJson::added_tokens() const {
  const nlohmann::json list = value(json_, "added_tokens", nlohmann::json::array());
  if (!list.is_array()) fail(location_, "added_tokens is not a list");
  std::vector<AddedToken> tokens;
  for (const nlohmann::json& entry : list) {
    const std::int64_t id = ConfigReader(entry, location_).integer("id", 0, kLargestTokenId);
    tokens.push_back(parse_added_token(entry, static_cast<std::int32_t>(id), location_));
  }
  return tokens;
}

TokenizerFolder open_tokenizer_folder(TokenizerKind kind, const std::filesystem::path& folder) {
  TokenizerFolder result{read_tokenizer_config(folder), std::nullopt};
  const bool own_files = tokenizer_form(kind, folder) == TokenizerForm::own_files;
  std::error_code error;
  if (!std::filesystem::exists(folder / kTokenizerJson, error)) return result;
  if (own_files && !result.config.added_tokens.empty()) return result;
  TokenizerJson json(folder);
  if (result.config.added_tokens.empty()) {
    result.config.added_tokens = json.added_tokens();
    result.config.location = (folder / kTokenizerJson).string();
  }
  if (!own_files) result.json = std::move(json);
  return result;
}

}  // namespace sd35
