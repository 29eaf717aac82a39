#include "lab/scenes/caption_vocabulary.h"

#include "core/text_words.h"
#include "lab/scenes/caption.h"
#include "lab/scenes/scene_random.h"

namespace sd35 {
namespace {

constexpr std::uint64_t kScenesOfAKind =
    20'000;  // the rarest word, a synonym in the plural, occurs some 30 times
constexpr std::size_t kLongestLine = 120;

// With signs without letters, so that none of their words is mistaken for one of the caption.
std::string caption_without_writing(Scene scene, std::uint64_t index) {
  if (scene.sign)
    for (std::string& word : scene.sign->words) word = "#";
  SceneRandom random(0, index);
  return roll_caption(scene, random);
}

}  // namespace

CaptionVocabulary caption_vocabulary(const SceneOptions& options) {
  CaptionVocabulary vocabulary;
  std::set<char> letters;
  for (std::size_t kind = 0; kind < kSceneKinds; ++kind) {
    if (options.mix[kind] <= 0) continue;
    SceneOptions one_kind = options;
    one_kind.mix.fill(0);
    one_kind.mix[kind] = 1;
    for (std::uint64_t i = 0; i < kScenesOfAKind; ++i) {
      const Scene scene = sample_scene(0, i, one_kind);
      if (scene.sign)
        for (const std::string& word : scene.sign->words) letters.insert(word.begin(), word.end());
      const std::string caption = caption_without_writing(scene, i);
      for (const std::string_view word : words_of(caption)) vocabulary.words.insert(in_small_letters(word));
    }
  }
  vocabulary.letters.assign(letters.begin(), letters.end());
  return vocabulary;
}

std::string vocabulary_json(const CaptionVocabulary& vocabulary) {
  std::string text = "{\n  \"letters\": \"" + vocabulary.letters + "\",\n  \"words\": [", line = "\n    ";
  for (const std::string& word : vocabulary.words) {
    const std::string entry = "\"" + word + "\", ";
    if (line.size() + entry.size() > kLongestLine) {
      line.pop_back();
      text += line;
      line = "\n    ";
    }
    line += entry;
  }
  line.resize(line.size() - 2);
  return text + line + "\n  ]\n}\n";
}

}  // namespace sd35
