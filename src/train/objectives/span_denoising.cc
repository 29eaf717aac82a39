#include "train/objectives/span_denoising.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <string_view>

#include "ops/torch/torch_ops.h"
#include "text/tokenizers/unicode.h"

namespace sd35::train {
namespace {

// `total` in `parts` parts of at least one, every way equally likely.
std::vector<std::size_t> partition(std::size_t total, std::size_t parts, SampleRandom& random) {
  // Of the total - 1 places between them, parts - 1 are cuts: chosen one after another with the remaining
  // share.
  std::vector<std::size_t> sizes(1, 1);
  std::size_t cuts = parts - 1;
  for (std::size_t place = 1; place < total; ++place) {
    const bool cut = static_cast<std::size_t>(random.below(static_cast<std::int64_t>(total - place))) < cuts;
    if (cut) {
      --cuts;
      sizes.push_back(0);
    }
    ++sizes.back();
  }
  return sizes;
}

constexpr char kMark = ' ';

// Edges of the tokens of one word.
void append_edges(MaskedTexts& texts, std::span<const std::string> pieces, const LetterWidths& widths) {
  std::vector<double> ends{0};
  std::size_t letters = 0;
  for (std::string_view piece : pieces) {
    if (piece.starts_with(kMark)) piece.remove_prefix(1);
    const std::u32string characters = unicode::decode(piece);
    letters += characters.size();
    ends.push_back(ends.back());
    for (const char32_t letter : characters) ends.back() += widths.of(letter);
  }
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    texts.left.push_back(static_cast<float>(ends[i] / ends.back()));
    texts.right.push_back(static_cast<float>(ends[i + 1] / ends.back()));
    texts.letters.push_back(static_cast<float>(letters));
  }
}

struct Word {
  std::string text;
  std::size_t tokens = 0;
};

Word word_of(std::span<const std::string> pieces) {
  Word word{"", pieces.size()};
  for (std::string_view piece : pieces) {
    if (piece.starts_with(kMark)) piece.remove_prefix(1);
    word.text += piece;
  }
  return word;
}

// For the tokens of `words`, which are the whole text's.
void append_sign_words(MaskedTexts& texts, std::span<const Word> words, std::span<const std::string> sign) {
  const auto found = std::ranges::find_end(words, sign, {}, &Word::text);
  const auto first = sign.empty() ? words.size() : static_cast<std::size_t>(found.begin() - words.begin());
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool signs = i >= first && i < first + sign.size();
    const std::int32_t place = signs ? std::min(static_cast<std::int32_t>(i - first) + 1, kSignWords - 1) : 0;
    texts.sign_words.insert(texts.sign_words.end(), words[i].tokens, place);
  }
}

// For each token of a word: whether nothing of the word is hidden.
std::vector<float> seen_whole(const MaskedTexts& texts) {
  const std::vector<std::int32_t>& tokens = texts.word_tokens;
  std::vector<float> whole(tokens.size());
  for (std::size_t begin = 0, end = 0; begin < tokens.size(); begin = end) {
    bool hidden = false;
    do hidden |= std::ranges::binary_search(texts.places, tokens[end++]);
    while (end < tokens.size() && texts.before[end] > 0);
    std::fill(whole.begin() + static_cast<std::ptrdiff_t>(begin),
              whole.begin() + static_cast<std::ptrdiff_t>(end), hidden ? 0.0f : 1.0f);
  }
  return whole;
}

}  // namespace

void append_masked(MaskedTexts& texts, std::span<const std::int32_t> ids, std::size_t count, double ratio,
                   std::span<const std::int32_t> sentinels, SampleRandom& random) {
  constexpr std::size_t span_length = 3;
  const std::size_t first = texts.ids.size();
  texts.ids.insert(texts.ids.end(), ids.begin(), ids.end());
  texts.length = static_cast<std::int64_t>(ids.size());
  if (count == 0) return;
  const auto wanted = static_cast<std::size_t>(std::llround(ratio * static_cast<double>(count)));
  const std::size_t hidden = std::clamp<std::size_t>(wanted, 1, count), kept = count - hidden;
  const std::size_t spans = std::min(
      {(hidden + span_length - 1) / span_length, kept + 1, sentinels.size()});  // with one token between
  const std::vector<std::size_t> lengths = partition(hidden, spans, random);
  // Kept tokens before, between and after the spans; none are needed before and after.
  const std::vector<std::size_t> gaps = partition(kept + 2, spans + 1, random);
  std::size_t place = first + gaps[0] - 1;
  for (std::size_t span = 0; span < spans; ++span) {
    for (std::size_t i = 0; i < lengths[span]; ++i, ++place) {
      texts.places.push_back(static_cast<std::int32_t>(place));
      texts.hidden.push_back(std::exchange(texts.ids[place], sentinels[span]));
    }
    place += gaps[span + 1];
  }
}

void append_word_places(MaskedTexts& texts, std::span<const std::int32_t> ids,
                        std::span<const std::string> pieces, const LetterWidths& widths,
                        std::span<const std::string> sign) {
  const auto spelled = [](std::string_view piece) {  // the mark alone belongs to no word
    if (piece.starts_with(kMark)) piece.remove_prefix(1);
    return !piece.empty() && (std::isalnum(static_cast<unsigned char>(piece[0])) != 0 ||
                              static_cast<unsigned char>(piece[0]) > 127);
  };
  std::vector<Word> words;
  for (std::size_t begin = 0; begin < pieces.size();) {
    std::size_t end = begin + 1;
    if (spelled(pieces[begin])) {
      while (end < pieces.size() && spelled(pieces[end]) && !pieces[end].starts_with(kMark)) ++end;
      words.push_back(word_of(pieces.subspan(begin, end - begin)));
      append_edges(texts, pieces.subspan(begin, end - begin), widths);
      for (std::size_t i = begin; i < end; ++i) {
        texts.word_tokens.push_back(static_cast<std::int32_t>(texts.ids.size() + i));
        texts.word_ids.push_back(ids[i]);
        texts.before.push_back(std::min(static_cast<std::int32_t>(i - begin), kWordPlaces - 1));
        texts.behind.push_back(std::min(static_cast<std::int32_t>(end - 1 - i), kWordPlaces - 1));
      }
    }
    begin = end;
  }
  append_sign_words(texts, words, sign);
}

SpanDenoisingLoss span_denoising_loss(const Ops& ops, const T5Encoder& encoder, const MaskedTexts& texts,
                                      double place_weight, std::span<const std::int32_t> sentinels) {
  const T5Config& config = encoder.config();
  const std::int64_t length = texts.length;
  const auto batch = static_cast<std::int64_t>(texts.ids.size()) / length;
  const Tensor output =
      encoder.forward(ops, Tensor::from({batch, length}, texts.ids), encoder.resident_layers());  // [B, T, D]
  if (texts.places.empty()) return {0 * to_torch(output).sum(), 0, {}};

  const auto ids_of = [](std::span<const std::int32_t> ids) {
    return Tensor::from({static_cast<std::int64_t>(ids.size())}, ids);
  };
  const Tensor rows = output.reshape({batch * length, config.d_model});
  const auto logits = [&](std::span<const std::int32_t> tokens, const Tensor& table) {
    Linear head;
    head.weight = table;
    head.in_features = config.d_model;
    head.out_features = table.dim(0);
    return to_torch(ops.linear(ops.embedding(rows, ids_of(tokens)), head, Activation::none, Out::f32)) /
           std::sqrt(static_cast<double>(config.d_model));  // [tokens, rows of the table]
  };
  const auto cross_entropy = [&](const at::Tensor& scores, std::span<const std::int32_t> wanted) {
    return at::nll_loss(at::log_softmax(scores, 1), to_torch(ids_of(wanted)).to(scores.device(), at::kLong));
  };

  const at::Tensor words = logits(texts.places, encoder.token_embedding());
  const at::Tensor told = words.detach().argmax(1).to(at::kCPU) == to_torch(ids_of(texts.hidden));
  SpanDenoisingLoss loss{cross_entropy(words, texts.hidden), told.to(at::kFloat).mean().item<double>(), {}};
  if (place_weight == 0 || texts.word_tokens.empty()) return loss;
  const Tensor table =
      ops.embedding(encoder.token_embedding(), ids_of(sentinels.first(std::size_t{kPlaceSentinels})));
  const auto parts = logits(texts.word_tokens, table)
                         .split_with_sizes({kWordPlaces, kWordPlaces, 2, kSignWords}, 1);  // [tokens, ...]
  const auto column = [&](const std::vector<float>& values) {
    const Tensor tensor = Tensor::from({static_cast<std::int64_t>(values.size()), 1}, values);
    return to_torch(tensor).to(parts[2].device());
  };
  const at::Tensor wanted = at::cat({column(texts.left), column(texts.right)}, 1);
  const at::Tensor distance = (parts[2] + 0.5 - wanted).abs() * column(texts.letters);  // [tokens, 2]
  loss.total =
      loss.total +
      place_weight * (cross_entropy(logits(texts.word_tokens, encoder.token_embedding()), texts.word_ids) +
                      cross_entropy(parts[0], texts.before) + cross_entropy(parts[1], texts.behind) +
                      cross_entropy(parts[3], texts.sign_words) + distance.mean());
  const at::Tensor whole = column(seen_whole(texts));
  if (const auto tokens = whole.sum().item<double>(); tokens > 0)
    loss.edge_error = (distance.detach() * whole).sum().item<double>() / (2 * tokens);
  return loss;
}

}  // namespace sd35::train
