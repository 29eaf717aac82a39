// Which samples, at which size, make up the batch of a step.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "data/buckets.h"
#include "data/sample_order.h"

namespace sd35 {

// The buckets of one resolution (one bucket: a square, say) and how often it is drawn compared with the
// others of its stage. Weights count to 1/1000 of their sum.
struct Scale {
  std::vector<Bucket> buckets;
  double weight = 1.0;
  bool enlarge = true;  // false: no picture smaller than its bucket in either side
  bool shrink = true;   // false: no picture larger than its bucket in both sides
};

struct Batch {
  std::int64_t epoch = 0;
  std::size_t scale = 0;  // index in the plan's list
  Bucket bucket;
  std::vector<std::int64_t> samples;  // indices in the data set, batch_size of them

  bool operator==(const Batch&) const = default;
};

// The batch of any step as a pure function of (sizes, scales, batch size, seed, step).
//
// Every picture belongs to the bucket of its aspect ratio, once for each scale that takes it. A bucket's
// pictures follow one another without end, a new permutation every time around (SampleOrder), and this stream
// is cut into batches: what does not fill a batch comes first in the next round, and no picture is ever seen
// more than once more often than another. In one epoch each bucket contributes the batches that its pictures
// (times the scale's share) have filled since the last, in random order over buckets and scales. A bucket
// with fewer pictures than a batch repeats them inside a batch.
class BatchPlan {
 public:
  // `sizes`: of the pictures of the data set. Throws ArgumentError when there are none, when all scales are
  // empty, when no scale takes any of them, a weight is not positive and finite, or the batch size is not in
  // [1, 2^20].
  BatchPlan(std::span<const ImageSize> sizes, const std::vector<Scale>& scales, std::int64_t batch_size,
            std::uint64_t seed);

  std::int64_t batch_size() const { return batch_size_; }
  // Pictures that are smaller than their bucket in either side at one of the scales.
  std::int64_t enlarged_pictures() const { return enlarged_; }
  // The batch of `step`, from 0.
  Batch at(std::int64_t step) const;
  // Steps of the epochs [0, epoch).
  std::int64_t steps_before(std::int64_t epoch) const;
  std::int64_t epoch_of(std::int64_t step) const;

  // The sample to take when the one in place `slot` of the batch cannot be read: another of the same bucket,
  // from the fourth `attempt` (counted from 0) on any of the data set.
  std::int64_t replacement(std::int64_t step, std::int64_t slot, int attempt) const;

 private:
  // The pictures of one bucket at one scale.
  struct Group {
    std::size_t scale;
    Bucket bucket;
    std::int64_t share;  // of the scale, in parts of share_sum_
    std::vector<std::uint32_t> members;
  };
  struct Position {
    std::int64_t epoch;
    std::size_t group;
    std::int64_t number;  // of the batch in its group's stream
  };

  std::int64_t batches_before(const Group& group, std::int64_t epoch) const;
  Position position_of(std::int64_t step) const;

  std::vector<Group> groups_;
  std::int64_t samples_;
  std::int64_t enlarged_ = 0;
  std::int64_t batch_size_;
  std::uint64_t seed_;
  std::int64_t share_sum_ = 0;
  std::int64_t shared_samples_ = 0;  // pictures of an epoch, times share_sum_
};

}  // namespace sd35
