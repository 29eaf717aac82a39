// Which samples each step of a run sees, over all its stages.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "data/buckets.h"
#include "data/dataset.h"
#include "train/objectives/objective.h"
#include "train/train_config.h"

namespace sd35::train {

class Batches {
 public:
  virtual ~Batches() = default;
  // Samples [first, first + count) of the batch of `step`.
  virtual MicroBatch at(std::int64_t step, std::int64_t first, std::int64_t count) const = 0;
};

// The sizes of a stage's pictures at one of its resolutions, the narrowest first.
std::vector<Bucket> picture_buckets(const Stage& stage, int resolution);

// Batches of one size of picture each, by the stages' buckets. A line to `warn` counts a stage's pictures
// that are enlarged.
std::unique_ptr<Batches> picture_batches(const TrainConfig& config, const Dataset& dataset,
                                         const OnMessage& warn = {});
// Batches of texts in random order.
std::unique_ptr<Batches> text_batches(const TrainConfig& config, std::int64_t texts);

}  // namespace sd35::train
