#include "train/samples/batches.h"

#include <algorithm>
#include <string>
#include <utility>

#include "core/error.h"
#include "data/annotation.h"
#include "data/batch_plan.h"
#include "train/samples/stage_mix.h"

namespace sd35::train {
namespace {

// A patch covers 16 pixels.
constexpr int kSideMultiple = 16;

// The batches of a stage, or of an element of its mix.
class PartBatches {
 public:
  // `samples`: those it takes from; empty: all. `sizes`: of all.
  PartBatches(const Stage& part, const std::vector<ImageSize>& sizes, std::vector<std::int64_t> samples,
              std::uint64_t seed)
      : samples_(std::move(samples)),
        plan_(sizes_of(samples_, sizes), scales_of(part), part.batch_size, seed) {}

  std::int64_t enlarged_pictures() const { return plan_.enlarged_pictures(); }

  Batch at(std::int64_t number) const {
    Batch batch = plan_.at(number);
    for (std::int64_t& sample : batch.samples) sample = index(sample);
    return batch;
  }
  std::int64_t replacement(std::int64_t number, std::int64_t place, int attempt) const {
    return index(plan_.replacement(number, place, attempt));
  }

 private:
  static std::vector<ImageSize> sizes_of(const std::vector<std::int64_t>& samples,
                                         const std::vector<ImageSize>& sizes) {
    if (samples.empty()) return sizes;
    std::vector<ImageSize> own;
    own.reserve(samples.size());
    for (const std::int64_t sample : samples) own.push_back(sizes[static_cast<std::size_t>(sample)]);
    return own;
  }
  static std::vector<Scale> scales_of(const Stage& part) {
    std::vector<Scale> scales;
    for (const int side : part.resolutions)
      scales.push_back({picture_buckets(part, side), 1.0, part.enlarge, part.shrink});
    return scales;
  }
  std::int64_t index(std::int64_t sample) const {
    return samples_.empty() ? sample : samples_[static_cast<std::size_t>(sample)];
  }

  std::vector<std::int64_t> samples_;
  BatchPlan plan_;
};

class PictureBatches : public Batches {
 public:
  PictureBatches(const TrainConfig& config, const Dataset& dataset, const OnMessage& warn) : config_(config) {
    const std::vector<ImageSize> sizes = dataset.image_sizes();
    std::vector<std::int64_t> with_text;  // found when they are first needed
    for (std::size_t i = 0; i < config.stages.size(); ++i) {
      const std::span<const Stage> parts = parts_of(config.stages[i]);
      std::int64_t enlarged = 0;
      stages_.emplace_back();
      try {
        for (std::size_t p = 0; p < parts.size(); ++p) {
          const bool text_only = parts[p].window && parts[p].window->text_only;
          if (text_only && with_text.empty()) with_text = signs_of(dataset);
          stages_.back().emplace_back(parts[p], sizes, text_only ? with_text : std::vector<std::int64_t>(),
                                      config.seed + i + (std::uint64_t{p} << 32));
          enlarged = std::max(enlarged, stages_.back().back().enlarged_pictures());
        }
      } catch (const ArgumentError&) {
        rethrow_with_context(config.data + ", stage " + std::to_string(i + 1));
      }
      if (enlarged > 0 && warn)
        warn(config.data + ", stage " + std::to_string(i + 1) + ": " + std::to_string(enlarged) + " of " +
             std::to_string(sizes.size()) +
             " pictures are smaller than its resolutions and are enlarged, which blurs them");
    }
  }

  MicroBatch at(std::int64_t step, std::int64_t first, std::int64_t count) const override {
    const std::size_t stage = config_.stage_of(step);
    const Turn turn =
        turn_of(config_.stages[stage], step - config_.first_step_of(stage), config_.seed + stage);
    const PartBatches& part = stages_[stage][turn.part];
    const Batch batch = part.at(turn.number);
    MicroBatch micro{step,
                     first,
                     {batch.samples.begin() + first, batch.samples.begin() + first + count},
                     batch.bucket.width,
                     batch.bucket.height,
                     stage,
                     {}};
    micro.replacement = [&part, number = turn.number, first](std::int64_t place, int attempt) {
      return part.replacement(number, first + place, attempt);
    };
    return micro;
  }

 private:
  static std::vector<std::int64_t> signs_of(const Dataset& dataset) {
    std::vector<std::int64_t> samples = samples_with_text(dataset);
    if (samples.empty())
      throw ArgumentError(
          "'text_only' windows need text, and no picture has a box called \"text\" in its .json, as "
          "sd35 make-dataset writes them into archives");
    return samples;
  }

  const TrainConfig& config_;
  std::vector<std::vector<PartBatches>> stages_;  // by stage and part
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
