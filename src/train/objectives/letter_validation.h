// How well signs are learned, on held-out pictures whose letters have known places: the error under the
// letters, and how much larger it is when the caption says another letter. The second shows how much the
// model uses the spelling.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mmdit/transformer.h"
#include "train/samples/conditioned_pictures.h"
#include "train/samples/sample_random.h"
#include "train/train_config.h"

namespace sd35::train {

// A caption in which one letter of the word that a sign shows is another.
struct Misspelling {
  std::string caption;
  std::size_t letter = 0;  // that was changed, of the annotation's
};

// `random` chooses word and letters among those that the caption holds, in capitals or not; nothing if it
// holds none.
std::optional<Misspelling> misspelt(const std::string& caption, std::span<const AnnotatedLetter> letters,
                                    SampleRandom random);

class LetterValidation {
 public:
  LetterValidation(ConditionedPictures& pictures, const TrainConfig& config)
      : pictures_(pictures), config_(config) {}

  // Means over the first pictures with letters that their captions name. At noise levels s of 0.6, 0.75 and
  // 0.9: "letter_loss_<s>", the error of the tokens that letters cover; "letter_gain_<s>", what the changed
  // caption adds to it; "changed_letter_gain_<s>", that of the tokens under the changed letter. None if no
  // picture has letters.
  std::map<std::string, double> figures(const Ops& ops, const Transformer& transformer);

 private:
  struct Case {
    std::int64_t sample;
    std::string caption, changed;
    std::vector<std::int64_t> tokens, changed_tokens;  // under letters; under the changed one
  };
  void choose_cases(int token_side);
  // Adds the figures of one picture.
  void add_figures(const Case& chosen, const Ops& ops, const Transformer& transformer,
                   std::map<std::string, double>& sums);
  int picture_side() const;

  ConditionedPictures& pictures_;
  const TrainConfig& config_;
  std::optional<std::vector<Case>> cases_;  // chosen when they are first needed
};

}  // namespace sd35::train
