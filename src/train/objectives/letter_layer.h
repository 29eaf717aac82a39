// Predicts from the tokens inside the transformer which letter lies over an image token: one linear layer
// gives the letter and its place in its word. It only helps training, as REPA's teacher does (arXiv
// 2410.06940), and is in no model folder.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "data/annotation.h"
#include "ops/ops.h"
#include "train/samples/window.h"
#include "weights/parameters.h"

namespace sd35::train {

// A letter covers a token when this much of the token's area is in the letter's box.
inline constexpr double kCoveredShare = 0.3;

struct LetterToken {
  std::int64_t token = 0;  // in the window, by rows
  std::size_t letter = 0;  // of the list; if several cover the token, the one that covers most
};

// The tokens of the window that letters cover, in order; boxes in pixels of the whole picture, tokens of
// `side` x `side`.
std::vector<LetterToken> covered_tokens(std::span<const AnnotatedLetter> letters, const TokenWindow& window,
                                        int side);

// The classes of the layer: printable ASCII and one for everything else; places in the word, the last one for
// all from there on.
inline constexpr int kCharacterClasses = 95, kPlaceClasses = 16;
int character_class(std::string_view character);
int place_class(int index);

// What is to be predicted, for T tokens of a batch.
struct LetterTargets {
  Tensor tokens;      // [T] i32, in the batch's tokens [B * N]; undefined for none
  Tensor characters;  // [T] i32
  Tensor places;      // [T] i32
  Tensor weights;     // [T] f32: all tokens of a sample together 1 / B

  bool empty() const { return !tokens.defined(); }
};

class LetterLayer {
 public:
  static constexpr std::string_view kName = "letter_layer";

  explicit LetterLayer(std::int64_t width) : width_(width) {}
  void parameters(const Parameters& p) { p.linear(kName, layer_, kCharacterClasses + kPlaceClasses, width_); }

  struct Loss {
    at::Tensor loss;      // weighted sum of both cross entropies, f32 with history
    at::Tensor mean;      // over the tokens, without history
    at::Tensor accuracy;  // share of the tokens whose character is right
  };
  // `tokens` [B, N, D]; `targets` are not empty.
  Loss loss(const Tensor& tokens, const LetterTargets& targets) const;

 private:
  std::int64_t width_;
  Linear layer_;
};

}  // namespace sd35::train
