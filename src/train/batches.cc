#include "train/batches.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "data/batch_plan.h"

namespace sd35::train {
namespace {

// A patch covers 16 pixels.
constexpr int kSideMultiple = 16;

class PictureBatches : public Batches {
 public:
  PictureBatches(const TrainConfig& config, const Dataset& dataset, const OnMessage& warn) : config_(config) {
    const std::vector<ImageSize> sizes = dataset.image_sizes();
    for (std::size_t i = 0; i < config.stages.size(); ++i) {
      const Stage& stage = config.stages[i];
      std::vector<Scale> scales;
      for (const int side : stage.resolutions)
        scales.push_back({picture_buckets(stage, side), 1.0, stage.enlarge});
      try {
        plans_.emplace_back(sizes, scales, stage.batch_size, config.seed + i);
      } catch (const ArgumentError&) {
        rethrow_with_context(config.data + ", stage " + std::to_string(i + 1));
      }
      const std::int64_t enlarged = plans_.back().enlarged_pictures();
      if (enlarged > 0 && warn)
        warn(config.data + ", stage " + std::to_string(i + 1) + ": " + std::to_string(enlarged) + " of " +
             std::to_string(sizes.size()) +
             " pictures are smaller than its resolutions and are enlarged, which blurs them");
    }
  }

  MicroBatch at(std::int64_t step, std::int64_t first, std::int64_t count) const override {
    const std::size_t stage = config_.stage_of(step);
    const BatchPlan& plan = plans_[stage];
    const std::int64_t step_of_stage = step - config_.first_step_of(stage);
    const Batch batch = plan.at(step_of_stage);
    MicroBatch micro{step,
                     first,
                     {batch.samples.begin() + first, batch.samples.begin() + first + count},
                     batch.bucket.width,
                     batch.bucket.height,
                     stage,
                     {}};
    micro.replacement = [&plan, step_of_stage, first](std::int64_t place, int attempt) {
      return plan.replacement(step_of_stage, first + place, attempt);
    };
    return micro;
  }

 private:
  const TrainConfig& config_;
  std::vector<BatchPlan> plans_;
};

class TextBatches : public Batches {
 public:
  TextBatches(const TrainConfig& config, std::int64_t texts) : config_(config), order_(texts, config.seed) {}

  MicroBatch at(std::int64_t step, std::int64_t first, std::int64_t count) const override {
    MicroBatch batch{step, first, {}, 0, 0, config_.stage_of(step), {}};
    const std::int64_t before = texts_before(step);
    for (std::int64_t i = 0; i < count; ++i) batch.samples.push_back(order_.at(before + first + i).index);
    return batch;
  }

 private:
  std::int64_t texts_before(std::int64_t step) const {
    std::int64_t texts = 0;
    for (const Stage& stage : config_.stages) {
      texts += std::min(step, stage.steps) * stage.batch_size;
      step -= std::min(step, stage.steps);
    }
    return texts;
  }

  const TrainConfig& config_;
  SampleOrder order_;
};

}  // namespace

std::vector<Bucket> picture_buckets(const Stage& stage, int resolution) {
  return aspect_buckets(resolution, stage.max_aspect, kSideMultiple);
}

std::unique_ptr<Batches> picture_batches(const TrainConfig& config, const Dataset& dataset,
                                         const OnMessage& warn) {
  return std::make_unique<PictureBatches>(config, dataset, warn);
}

std::unique_ptr<Batches> text_batches(const TrainConfig& config, std::int64_t texts) {
  return std::make_unique<TextBatches>(config, texts);
}

}  // namespace sd35::train
