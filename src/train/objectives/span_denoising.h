// A text encoder learns by filling in spans of tokens that were hidden from it.
// Reference: Raffel et al. 2020 (arXiv 1910.10683), section 3.1.4, without the decoder: each hidden token is
// predicted from the encoder's output at its own place, so a sentinel stands for each token of a span.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "text/t5_encoder.h"
#include "train/objectives/letter_widths.h"
#include "train/samples/sample_random.h"

namespace sd35::train {

// Texts of equal length with tokens hidden.
struct MaskedTexts {
  std::int64_t length = 0;           // T
  std::vector<std::int32_t> ids;     // [B T]
  std::vector<std::int32_t> places;  // of the hidden tokens in ids
  std::vector<std::int32_t> hidden;  // what they were
  // Tokens of words (letters, digits, whole words) in ids, what they are or were, and how many of the same
  // word come before and after each, at most kWordPlaces - 1.
  std::vector<std::int32_t> word_tokens, word_ids, before, behind;
  // Where each begins and ends, as fractions of its word's width, and the letters of the word.
  std::vector<float> left, right, letters;
  // Which word of the text on the picture's sign each belongs to, from 1; 0: none of them.
  std::vector<std::int32_t> sign_words;
};
inline constexpr std::int32_t kWordPlaces = 16;
inline constexpr std::int32_t kSignWords = 4;  // none, first, second, third and on

// Appends the tokens of words of a text that append_masked will append: `pieces` are the texts of the tokens
// `ids`, with a space before the first of a word. Quotes and points are outside of words. `sign`: the words
// on the picture's sign, which are searched for from the end of the text; empty if there is none.
void append_word_places(MaskedTexts& texts, std::span<const std::int32_t> ids,
                        std::span<const std::string> pieces, const LetterWidths& widths = {},
                        std::span<const std::string> sign = {});

// Appends a text: `ids`, of which the first `count` are tokens and the others end of text and padding. About
// ratio * count tokens (at least one, if there are any) are hidden in spans of about three; the span
// number k becomes sentinels[k].
void append_masked(MaskedTexts& texts, std::span<const std::int32_t> ids, std::size_t count, double ratio,
                   std::span<const std::int32_t> sentinels, SampleRandom& random);

struct SpanDenoisingLoss {
  at::Tensor total;     // f32 with history; 0 if there are no tokens
  double accuracy = 0;  // share of the hidden tokens that were the most likely
  // Mean distance of the predicted edges from the true ones, in letters of their words, over the words of
  // which nothing is hidden. Nothing if there are none, or it was not asked for.
  std::optional<double> edge_error;
};

// Sentinels that stand for places.
inline constexpr std::int32_t kPlaceSentinels = 2 * kWordPlaces + 2 + kSignWords;

// Mean cross entropy over the hidden tokens, plus `place_weight` times that of what the tokens of words are
// and of their places in their words and on the sign, and the mean distance of their edges in letters. The
// logits are the encoder's output times its embedding table / sqrt(d_model); those of places take the rows of
// the first kPlaceSentinels `sentinels`: kWordPlaces for what comes before, as many for what comes after,
// two whose logits + 0.5 are the edges, and kSignWords.
SpanDenoisingLoss span_denoising_loss(const Ops& ops, const T5Encoder& encoder, const MaskedTexts& texts,
                                      double place_weight = 0, std::span<const std::int32_t> sentinels = {});

}  // namespace sd35::train
