#include "text/tokenizers/tiny_tokenizers.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "core/atomic_file.h"
#include "core/error.h"
#include "text/tokenizers/byte_pair_encoding.h"
#include "text/tokenizers/unicode.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr int kMerges = 200;
constexpr int kPieces = 400;
constexpr int kExtraIds = 100;

// What the tokenizers learn their words from.
constexpr std::array kSentences = {
    "a capybara holding a sign that reads hello world",
    "a photo of a cat and a dog on the beach",
    "two red cubes to the left of a blue ball in a green forest",
    "an oil painting of a house by the sea at night",
    "a bowl of fruit on a wooden table, studio light, high detail",
    "the moon over the mountains, a river below, stars above",
    "a whimsical picture of a hippopotamus made of waffles",
    "three yellow cars on the street of an old city in the rain",
    "a portrait of a woman with a hat, soft colors, low contrast",
    "a robot reading a book under a tree while a bird is watching",
    "the words open and closed written on the door of a small shop",
    "blurry, low quality, bad hands, text, watermark",
};

void write_file(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

// The symbols of all bytes: the printable ones, then the others, as CLIP's vocabulary orders them.
std::vector<std::string> byte_symbols() {
  std::vector<char32_t> printable, others;
  for (int byte = 0; byte < 256; ++byte) {
    const char32_t symbol = symbol_of_byte(static_cast<std::uint8_t>(byte));
    (symbol < 0x100 ? printable : others).push_back(symbol);
  }
  printable.insert(printable.end(), others.begin(), others.end());
  std::vector<std::string> symbols;
  for (const char32_t symbol : printable) symbols.push_back(unicode::encode(std::u32string(1, symbol)));
  return symbols;
}

// Every word of the sentences as symbols, the last with the end-of-word mark.
std::vector<std::vector<std::string>> words_as_symbols() {
  std::vector<std::vector<std::string>> words;
  for (const char* sentence : kSentences) {
    std::istringstream stream(sentence);
    for (std::string word; stream >> word;) {
      std::vector<std::string> symbols;
      for (const char c : word) symbols.emplace_back(1, c);
      symbols.back() += "</w>";
      words.push_back(std::move(symbols));
    }
  }
  return words;
}

// Merges the most frequent pair of neighbours again and again; of equals the first in the alphabet.
std::vector<std::pair<std::string, std::string>> learn_merges() {
  std::vector<std::vector<std::string>> words = words_as_symbols();
  std::vector<std::pair<std::string, std::string>> merges;
  while (static_cast<int>(merges.size()) < kMerges) {
    std::map<std::pair<std::string, std::string>, int> counts;
    for (const auto& word : words)
      for (std::size_t i = 0; i + 1 < word.size(); ++i) ++counts[{word[i], word[i + 1]}];
    if (counts.empty()) break;
    const auto best =
        std::ranges::max_element(counts, {}, [](const auto& entry) { return entry.second; })->first;
    merges.push_back(best);
    for (auto& word : words)
      for (std::size_t i = 0; i + 1 < word.size(); ++i)
        if (word[i] == best.first && word[i + 1] == best.second) {
          word[i] += word[i + 1];
          word.erase(word.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        }
  }
  return merges;
}

Json added_token(const std::string& content, bool strip, bool normalized) {
  return {{"content", content}, {"lstrip", strip},      {"normalized", normalized},
          {"rstrip", strip},    {"single_word", false}, {"special", true}};
}

void write_clip_tokenizer(const fs::path& folder, const std::string& pad_token) {
  Json vocabulary = Json::object();
  const auto add = [&](const std::string& token) { vocabulary[token] = vocabulary.size(); };
  for (const std::string& symbol : byte_symbols()) add(symbol);
  for (const std::string& symbol : byte_symbols()) add(symbol + "</w>");
  std::string merges = "#version: 0.2\n";
  for (const auto& [left, right] : learn_merges()) {
    add(left + right);
    merges += left + " " + right + "\n";
  }
  const std::string start = "<|startoftext|>", end = "<|endoftext|>";
  add(start);
  add(end);

  Json added = Json::object();
  if (pad_token != end) added[vocabulary[pad_token].dump()] = added_token(pad_token, false, false);
  added[vocabulary[start].dump()] = added_token(start, false, true);
  added[vocabulary[end].dump()] = added_token(end, false, false);
  const Json special = {
      {"bos_token", start}, {"eos_token", end}, {"pad_token", pad_token}, {"unk_token", end}};
  Json config = {{"add_prefix_space", false}, {"added_tokens_decoder", added},
                 {"do_lower_case", true},     {"errors", "replace"},
                 {"model_max_length", 77},    {"tokenizer_class", "CLIPTokenizer"}};
  config.update(special);
  write_file(folder / "vocab.json", vocabulary.dump());
  write_file(folder / "merges.txt", merges);
  write_file(folder / "tokenizer_config.json", config.dump(2));
  write_file(folder / "special_tokens_map.json", special.dump(2));
}

class Sentences : public sentencepiece::SentenceIterator {
 public:
  bool done() const override { return index_ >= kSentences.size(); }
  void Next() override { ++index_; }
  const std::string& value() const override {
    sentence_ = kSentences.at(index_);
    return sentence_;
  }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  std::size_t index_ = 0;
  mutable std::string sentence_;
};

std::string train_unigram() {
  Sentences sentences;
  std::string model;
  const auto status = sentencepiece::SentencePieceTrainer::Train({{"model_type", "unigram"},
                                                                  {"vocab_size", std::to_string(kPieces)},
                                                                  {"hard_vocab_limit", "false"},
                                                                  {"normalization_rule_name", "nmt_nfkc"},
                                                                  {"pad_id", "0"},
                                                                  {"eos_id", "1"},
                                                                  {"unk_id", "2"},
                                                                  {"bos_id", "-1"},
                                                                  {"num_threads", "1"},
                                                                  {"minloglevel", "2"}},
                                                                 &sentences, &model);
  if (!status.ok()) throw Error("training the tiny tokenizer: " + status.ToString());
  return model;
}

void write_t5_tokenizer(const fs::path& folder) {
  const std::string model = train_unigram();
  sentencepiece::SentencePieceProcessor processor;
  if (const auto status = processor.LoadFromSerializedProto(model); !status.ok())
    throw Error("training the tiny tokenizer: " + status.ToString());
  const int pieces = processor.GetPieceSize();
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
                 {"model_max_length", 512},
                 {"tokenizer_class", "T5Tokenizer"}};
  config.update(special);
  write_file(folder / "spiece.model", model);
  write_file(folder / "tokenizer_config.json", config.dump(2));
  write_file(folder / "special_tokens_map.json", special.dump(2));
}

}  // namespace

void write_tiny_tokenizers(const fs::path& model_folder) {
  write_clip_tokenizer(model_folder / "tokenizer", "<|endoftext|>");
  write_clip_tokenizer(model_folder / "tokenizer_2", "!");
  write_t5_tokenizer(model_folder / "tokenizer_3");
}

}  // namespace sd35
