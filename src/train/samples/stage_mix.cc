#include "train/samples/stage_mix.h"

#include <cmath>
#include <vector>

#include "data/sample_order.h"
#include "train/train_config.h"

namespace sd35::train {
namespace {

constexpr std::uint32_t kMixStream = 0xffffff;  // of orders; those of batches count from 0

}  // namespace

std::span<const Stage> parts_of(const Stage& stage) {
  return stage.mix.empty() ? std::span(&stage, 1) : std::span(stage.mix);
}

Turn turn_of(const Stage& stage, std::int64_t step_of_stage, std::uint64_t seed) {
  if (stage.mix.size() < 2) return {0, step_of_stage};
  std::vector<std::size_t> owners;  // of the steps, before they are shuffled
  std::vector<std::int64_t> counts;
  double sum = 0;
  for (std::size_t part = 0; part < stage.mix.size(); ++part) {
    sum += stage.mix[part].share;
    const auto end =
        part + 1 == stage.mix.size() ? kMixedSteps : std::llround(sum * static_cast<double>(kMixedSteps));
    counts.push_back(end - static_cast<std::int64_t>(owners.size()));
    owners.resize(static_cast<std::size_t>(end), part);
  }
  const SampleOrder order(kMixedSteps, seed, kMixStream);
  const std::int64_t block = step_of_stage / kMixedSteps;
  const auto owner = [&](std::int64_t offset) {
    return owners[static_cast<std::size_t>(order.index(block, offset))];
  };
  const std::size_t part = owner(step_of_stage % kMixedSteps);
  Turn turn{part, block * counts[part]};
  for (std::int64_t offset = 0; offset < step_of_stage % kMixedSteps; ++offset)
    if (owner(offset) == part) ++turn.number;
  return turn;
}

}  // namespace sd35::train
