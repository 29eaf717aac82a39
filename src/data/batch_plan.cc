#include "data/batch_plan.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/philox.h"

namespace sd35 {
namespace {

constexpr std::int64_t kMaxBatch = 1 << 20;
constexpr std::int64_t kMaxSamples = std::int64_t{1} << 32;
constexpr double kShares = 1000;
constexpr int kAttemptsInBucket = 3;
constexpr std::uint32_t kBatchStream = 0;  // the order of batches; those of groups follow
constexpr std::uint32_t kReplacementStream = 0xffffffff;

// The scales' weights in whole numbers.
std::vector<std::int64_t> shares_of(const std::vector<Scale>& scales) {
  double sum = 0;
  for (const Scale& scale : scales) {
    if (!(scale.weight > 0.0) || !std::isfinite(scale.weight))
      throw ArgumentError("the weight of a resolution is " + std::to_string(scale.weight) +
                          "; it must be positive");
    sum += scale.weight;
  }
  std::vector<std::int64_t> shares;
  shares.reserve(scales.size());
  for (const Scale& scale : scales)
    shares.push_back(scales.size() == 1 ? 1 : std::max(std::llround(scale.weight / sum * kShares), 1LL));
  return shares;
}

}  // namespace

BatchPlan::BatchPlan(std::span<const ImageSize> sizes, const std::vector<Scale>& scales,
                     std::int64_t batch_size, std::uint64_t seed)
    : samples_(static_cast<std::int64_t>(sizes.size())), batch_size_(batch_size), seed_(seed) {
  if (batch_size < 1 || batch_size > kMaxBatch)
    throw ArgumentError("a batch of " + std::to_string(batch_size) + " samples; it takes 1 to " +
                        std::to_string(kMaxBatch));
  if (samples_ < 1 || samples_ > kMaxSamples)
    throw ArgumentError("a data set of " + std::to_string(samples_) + " samples; it takes 1 to 2^32");
  if (scales.empty()) throw ArgumentError("a stage of training has no resolution");
  const std::vector<std::int64_t> shares = shares_of(scales);
  std::vector<char> enlarged(sizes.size());
  for (std::size_t scale = 0; scale < scales.size(); ++scale) {
    const std::vector<Bucket>& buckets = scales[scale].buckets;
    share_sum_ += shares[scale];
    std::vector<Group> groups;
    groups.reserve(buckets.size());
    for (const Bucket& bucket : buckets) groups.push_back({scale, bucket, shares[scale], {}});
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      Group& group = groups[nearest_bucket(buckets, sizes[i])];
      const bool covers = sizes[i].width >= group.bucket.width && sizes[i].height >= group.bucket.height;
      const bool shrinks = sizes[i].width > group.bucket.width && sizes[i].height > group.bucket.height;
      if (shrinks && !scales[scale].shrink) continue;
      if (covers || scales[scale].enlarge) group.members.push_back(static_cast<std::uint32_t>(i));
      if (!covers && scales[scale].enlarge) enlarged[i] = true;
    }
    std::ranges::copy_if(std::move(groups), std::back_inserter(groups_),
                         [](const Group& group) { return !group.members.empty(); });
  }
  enlarged_ = std::ranges::count(enlarged, char{true});
  if (groups_.empty())
    throw ArgumentError("every picture would be enlarged, or shrunk; take other resolutions");
  for (const Group& group : groups_)
    shared_samples_ += static_cast<std::int64_t>(group.members.size()) * group.share;
}

std::int64_t BatchPlan::batches_before(const Group& group, std::int64_t epoch) const {
  // Below 2^63 up to 2^51 samples seen.
  return epoch * static_cast<std::int64_t>(group.members.size()) * group.share / (share_sum_ * batch_size_);
}

std::int64_t BatchPlan::steps_before(std::int64_t epoch) const {
  std::int64_t steps = 0;
  for (const Group& group : groups_) steps += batches_before(group, epoch);
  return steps;
}

std::int64_t BatchPlan::epoch_of(std::int64_t step) const {
  // Rounding down costs each group less than a batch: the epoch is at least that of as many full batches, and
  // no later than that of `groups` more.
  const auto groups = static_cast<std::int64_t>(groups_.size());
  std::int64_t first = step * batch_size_ / samples_;
  std::int64_t last = (step + groups + 1) * batch_size_ * share_sum_ / shared_samples_ + 1;
  while (first < last) {  // the last epoch that begins at `step` or before
    const std::int64_t middle = first + (last - first + 1) / 2;
    if (steps_before(middle) <= step)
      first = middle;
    else
      last = middle - 1;
  }
  return first;
}

BatchPlan::Position BatchPlan::position_of(std::int64_t step) const {
  const std::int64_t epoch = epoch_of(step);
  const std::int64_t begin = steps_before(epoch);
  const SampleOrder order(steps_before(epoch + 1) - begin, seed_, kBatchStream);
  std::int64_t number = order.index(epoch, step - begin);
  std::size_t group = 0;
  for (;; ++group) {
    const std::int64_t before = batches_before(groups_[group], epoch);
    const std::int64_t count = batches_before(groups_[group], epoch + 1) - before;
    if (number < count) return {epoch, group, before + number};
    number -= count;
  }
}

Batch BatchPlan::at(std::int64_t step) const {
  if (step < 0) throw ArgumentError("step " + std::to_string(step) + " is negative");
  const Position position = position_of(step);
  const Group& group = groups_[position.group];
  const SampleOrder order(static_cast<std::int64_t>(group.members.size()), seed_,
                          kBatchStream + 1 + static_cast<std::uint32_t>(position.group));
  Batch batch{position.epoch, group.scale, group.bucket, {}};
  for (std::int64_t slot = 0; slot < batch_size_; ++slot) {
    const std::int64_t index = order.at(position.number * batch_size_ + slot).index;
    batch.samples.push_back(group.members[static_cast<std::size_t>(index)]);
  }
  return batch;
}

std::int64_t BatchPlan::replacement(std::int64_t step, std::int64_t slot, int attempt) const {
  const PhiloxKey key{static_cast<std::uint32_t>(seed_), static_cast<std::uint32_t>(seed_ >> 32)};
  const PhiloxCounter counter{static_cast<std::uint32_t>(slot),
                              kReplacementStream ^ static_cast<std::uint32_t>(attempt),
                              static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32)};
  const auto below = [word = philox4x32(counter, key)[0]](std::uint64_t count) { return word * count >> 32; };
  if (attempt >= kAttemptsInBucket)
    return static_cast<std::int64_t>(below(static_cast<std::uint64_t>(samples_)));
  const std::vector<std::uint32_t>& members = groups_[position_of(step).group].members;
  return members[below(members.size())];
}

}  // namespace sd35
