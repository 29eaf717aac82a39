#include "train/span_denoising.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

#include "ops/torch/torch_ops.h"

namespace sd35::train {
namespace {

// `total` in `parts` parts of at least one, every way equally likely.
std::vector<std::size_t> partition(std::size_t total, std::size_t parts, SampleRandom& random) {
  // Of the total - 1 places between, parts - 1 are cuts: chosen one after another with the share that is
  // left.
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
  // Kept tokens before, between and behind the spans; none are needed before and behind.
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

SpanDenoisingLoss span_denoising_loss(const Ops& ops, const T5Encoder& encoder, const MaskedTexts& texts) {
  const T5Config& config = encoder.config();
  const std::int64_t length = texts.length;
  const auto batch = static_cast<std::int64_t>(texts.ids.size()) / length;
  const auto count = static_cast<std::int64_t>(texts.places.size());
  const Tensor output =
      encoder.forward(ops, Tensor::from({batch, length}, texts.ids), encoder.resident_layers());  // [B, T, D]
  if (count == 0) return {0 * to_torch(output).sum()};
  const Tensor at_hidden =
      ops.embedding(output.reshape({batch * length, config.d_model}), Tensor::from({count}, texts.places));
  Linear head;
  head.weight = encoder.token_embedding();
  head.in_features = config.d_model;
  head.out_features = config.vocab_size;
  const at::Tensor logits = to_torch(ops.linear(at_hidden, head, Activation::none, Out::f32)) /
                            std::sqrt(static_cast<double>(config.d_model));  // [hidden, vocab]
  const at::Tensor wanted = to_torch(Tensor::from({count}, texts.hidden)).to(logits.device(), at::kLong);
  return {at::nll_loss(at::log_softmax(logits, 1), wanted),
          (logits.detach().argmax(1) == wanted).to(at::kFloat).mean().item<double>()};
}

}  // namespace sd35::train
