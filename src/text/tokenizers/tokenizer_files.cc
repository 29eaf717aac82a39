#include "text/tokenizers/tokenizer_files.h"

#include <nlohmann/json.hpp>
#include <span>

#include "core/atomic_file.h"
#include "core/error.h"
#include "core/messages.h"
#include "text/tokenizers/sentencepiece_model.h"
#include "text/tokenizers/t5_tokenizer.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

void write_file(const fs::path& path, const std::string& text) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);  // what fails here fails below, with the path
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

Json added_token(const std::string& content, bool strip, bool normalized) {
  return {{"content", content}, {"lstrip", strip},      {"normalized", normalized},
          {"rstrip", strip},    {"single_word", false}, {"special", true}};
}

}  // namespace

void write_clip_tokenizer(const fs::path& folder, const std::vector<SymbolPair>& merges,
                          const std::string& pad_token, int model_max_length) {
  Json vocabulary = Json::object();
  const auto add = [&](const std::string& token) {
    const std::size_t id = vocabulary.size();
    vocabulary.emplace(token, id);
  };
  for (const std::string& symbol : byte_symbols()) add(symbol);
  for (const std::string& symbol : byte_symbols()) add(symbol + "</w>");
  std::string merges_text = "#version: 0.2\n";
  for (const auto& [left, right] : merges) {
    add(left + right);
    merges_text += left + " " + right + "\n";
  }
  const std::string start = "<|startoftext|>", end = "<|endoftext|>";
  add(start);
  add(end);
  if (!vocabulary.contains(pad_token))
    throw ArgumentError("the padding token " + in_quotes(pad_token) +
                        " is not in the vocabulary; CLIP-L has <|endoftext|>, CLIP-G has !");

  Json added = Json::object();
  if (pad_token != end) added[vocabulary[pad_token].dump()] = added_token(pad_token, false, false);
  added[vocabulary[start].dump()] = added_token(start, false, true);
  added[vocabulary[end].dump()] = added_token(end, false, false);
  const Json special = {
      {"bos_token", start}, {"eos_token", end}, {"pad_token", pad_token}, {"unk_token", end}};
  Json config = {{"add_prefix_space", false},
                 {"added_tokens_decoder", added},
                 {"do_lower_case", true},
                 {"errors", "replace"},
                 {"model_max_length", model_max_length},
                 {"tokenizer_class", "CLIPTokenizer"}};
  config.update(special);
  write_file(folder / "vocab.json", vocabulary.dump());
  write_file(folder / "merges.txt", merges_text);
  write_file(folder / "tokenizer_config.json", config.dump(2));
  write_file(folder / "special_tokens_map.json", special.dump(2));
}

void write_t5_tokenizer(const fs::path& folder, const std::string& model, int model_max_length) {
  const auto pieces =
      static_cast<std::int64_t>(parse_sentencepiece_model(model, "spiece.model").pieces.size());
  const Json special = {{"eos_token", "</s>"}, {"pad_token", "<pad>"}, {"unk_token", "<unk>"}};
  Json added = {{"0", added_token("<pad>", false, false)},
                {"1", added_token("</s>", false, false)},
                {"2", added_token("<unk>", false, false)}};
  Json extra = Json::array();
  for (int i = 0; i < kExtraIds; ++i) {
    const std::string token = "<extra_id_" + std::to_string(kExtraIds - 1 - i) + ">";
    added[std::to_string(pieces + i)] = added_token(token, true, false);
    extra.push_back("<extra_id_" + std::to_string(i) + ">");
  }
  Json config = {{"add_prefix_space", true},
                 {"added_tokens_decoder", added},
                 {"additional_special_tokens", extra},
                 {"extra_ids", kExtraIds},
                 {"legacy", true},
                 {"model_max_length", model_max_length},
                 {"tokenizer_class", "T5Tokenizer"}};
  config.update(special);
  write_file(folder / "spiece.model", model);
  write_file(folder / "tokenizer_config.json", config.dump(2));
  write_file(folder / "special_tokens_map.json", special.dump(2));
}

}  // namespace sd35
