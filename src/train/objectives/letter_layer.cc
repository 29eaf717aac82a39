#include "train/objectives/letter_layer.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "ops/torch/torch_ops.h"

namespace sd35::train {
namespace {

constexpr double kLayerNormEps = 1e-6;

// The length that [begin, begin + size) and the token have in common, in tokens.
double overlap(double begin, double size, std::int64_t token, int side) {
  const double low = begin / side, high = (begin + size) / side;
  return std::min(high, static_cast<double>(token + 1)) - std::max(low, static_cast<double>(token));
}

at::Tensor indices(const Tensor& values, at::Device device) {
  return to_torch(values).to(device).to(at::kLong);
}

}  // namespace

std::vector<LetterToken> covered_tokens(std::span<const AnnotatedLetter> letters, const TokenWindow& window,
                                        int side) {
  struct Cover {
    double share;
    std::size_t letter;
  };
  std::map<std::int64_t, Cover> covers;  // by token
  const auto first = [side](double begin, std::int64_t least) {
    return std::max(static_cast<std::int64_t>(std::floor(begin / side)), least);
  };
  for (std::size_t i = 0; i < letters.size(); ++i) {
    const PictureBox& box = letters[i].box;
    const std::int64_t bottom = window.top + window.rows, right = window.left + window.columns;
    for (std::int64_t y = first(box.y, window.top); y < bottom && y * side < box.y + box.height; ++y)
      for (std::int64_t x = first(box.x, window.left); x < right && x * side < box.x + box.width; ++x) {
        const double share = overlap(box.x, box.width, x, side) * overlap(box.y, box.height, y, side);
        if (share < kCoveredShare) continue;
        const std::int64_t token = (y - window.top) * window.columns + x - window.left;
        const auto [cover, is_new] = covers.try_emplace(token, Cover{share, i});
        if (!is_new && cover->second.share < share) cover->second = {share, i};
      }
  }
  std::vector<LetterToken> tokens;
  for (const auto& [token, cover] : covers) tokens.push_back({token, cover.letter});
  return tokens;
}

int character_class(std::string_view character) {
  constexpr char first = '!', last = '~';
  if (character.size() != 1 || character[0] < first || character[0] > last) return kCharacterClasses - 1;
  return character[0] - first;
}

int place_class(int index) { return std::min(index, kPlaceClasses - 1); }

LetterLayer::Loss LetterLayer::loss(const Tensor& tokens, const LetterTargets& targets) const {
  const at::Tensor all = to_torch(tokens).flatten(0, 1);                                        // [B N, D]
  const at::Tensor x = all.index_select(0, indices(targets.tokens, all.device()));              // [T, D]
  const at::Tensor normed = at::layer_norm(x.to(at::kFloat), {width_}, {}, {}, kLayerNormEps);  // [T, D]
  const at::Tensor logits =
      at::linear(normed, to_torch(layer_.weight), to_torch(layer_.bias));  // [T, characters + places]
  const auto told = [&](std::int64_t begin, std::int64_t count, const Tensor& classes) {
    return -logits.narrow(1, begin, count)
                .log_softmax(1)
                .gather(1, indices(classes, all.device()).unsqueeze(1))
                .squeeze(1);
  };
  const at::Tensor loss = told(0, kCharacterClasses, targets.characters) +
                          told(kCharacterClasses, kPlaceClasses, targets.places);  // [T]
  const at::Tensor guesses = logits.detach().narrow(1, 0, kCharacterClasses).argmax(1);
  return {(to_torch(targets.weights).to(all.device()) * loss).sum(), loss.detach().mean(),
          guesses.eq(indices(targets.characters, all.device())).to(at::kFloat).mean()};
}

}  // namespace sd35::train
