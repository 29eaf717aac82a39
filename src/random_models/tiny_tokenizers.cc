#include "random_models/tiny_tokenizers.h"

#include <array>
#include <sstream>
#include <string>

#include "text/tokenizers/byte_pair_trainer.h"
#include "text/tokenizers/sentencepiece_trainer.h"
#include "text/tokenizers/tokenizer_files.h"

namespace sd35 {
namespace {

constexpr int kMerges = 200;
constexpr int kTinyVocabulary = 400;

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

WordCounts count_words() {
  WordCounts counts;
  for (const char* sentence : kSentences) {
    std::istringstream stream(sentence);
    for (std::string word; stream >> word;) ++counts[word];
  }
  return counts;
}

}  // namespace

void write_tiny_tokenizers(const std::filesystem::path& model_folder) {
  const std::vector<SymbolPair> merges = learn_merges(count_words(), kMerges);
  write_clip_tokenizer(model_folder / "tokenizer", merges, "<|endoftext|>", 77);
  write_clip_tokenizer(model_folder / "tokenizer_2", merges, "!", 77);
  write_t5_tokenizer(
      model_folder / "tokenizer_3",
      train_sentencepiece({kSentences.begin(), kSentences.end()}, {.vocab_size = kTinyVocabulary}), 512);
}

}  // namespace sd35
