#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "data/batch_plan.h"
#include "data/sample_order.h"

namespace sd35 {
namespace {

std::vector<std::int64_t> epoch_of(const SampleOrder& order, std::int64_t epoch) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < order.size(); ++i) indices.push_back(order.index(epoch, i));
  return indices;
}

TEST(SampleOrder, EveryEpochIsAPermutation) {
  for (const std::int64_t size : {1, 2, 3, 5, 16, 17, 100, 1000, 65537})
    for (const std::int64_t epoch : {0, 1, 7}) {
      std::vector<std::int64_t> indices = epoch_of(SampleOrder(size, 42), epoch);
      std::ranges::sort(indices);
      for (std::int64_t i = 0; i < size; ++i) ASSERT_EQ(indices[static_cast<std::size_t>(i)], i) << size;
    }
}

TEST(SampleOrder, DiffersByEpochSeedAndStream) {
  const SampleOrder order(1000, 1);
  const auto first = epoch_of(order, 0);
  const std::int64_t far = (std::int64_t{1} << 40) + 3;
  for (const auto& other :
       {epoch_of(order, 1), epoch_of(order, far), epoch_of(SampleOrder(1000, 2), 0),
        epoch_of(SampleOrder(1000, std::uint64_t{1} << 32 | 1), 0), epoch_of(SampleOrder(1000, 1, 1), 0)}) {
    int same = 0;
    for (std::size_t i = 0; i < first.size(); ++i) same += first[i] == other[i] ? 1 : 0;
    EXPECT_LT(same, 12);  // one is expected
  }
  EXPECT_EQ(epoch_of(SampleOrder(1000, 1), 0), first);
}

TEST(SampleOrder, PositionsRunThroughTheEpochs) {
  const SampleOrder order(7, 3);
  for (std::int64_t position = 0; position < 50; ++position)
    EXPECT_EQ(order.at(position),
              (SampleOrder::Place{position / 7, order.index(position / 7, position % 7)}));
}

TEST(SampleOrder, PermutationsOfThreeAreEquallyLikely) {
  std::map<std::vector<std::int64_t>, int> counts;
  const SampleOrder order(3, 9);
  for (std::int64_t epoch = 0; epoch < 6000; ++epoch) ++counts[epoch_of(order, epoch)];
  ASSERT_EQ(counts.size(), 6u);
  for (const auto& [permutation, count] : counts) EXPECT_NEAR(count, 1000, 150);  // five deviations
}

TEST(SampleOrder, PlacesAreUniformAndNeighboursIndependent) {
  const SampleOrder order(50, 5);
  std::vector<int> at_first(50), steps(50);
  for (std::int64_t epoch = 0; epoch < 5000; ++epoch) {
    const std::int64_t a = order.index(epoch, 0), b = order.index(epoch, 1);
    ++at_first[static_cast<std::size_t>(a)];
    ++steps[static_cast<std::size_t>((b - a + 50) % 50)];
  }
  for (const int count : at_first) EXPECT_NEAR(count, 100, 55);
  EXPECT_EQ(steps[0], 0);
  for (std::size_t i = 1; i < steps.size(); ++i) EXPECT_NEAR(steps[i], 102, 55);
}

TEST(SampleOrder, RefusesSizesOutOfRange) {
  EXPECT_THROW(SampleOrder(0, 1), ArgumentError);
  EXPECT_THROW(SampleOrder((std::int64_t{1} << 32) + 1, 1), ArgumentError);
  EXPECT_GE(SampleOrder(std::int64_t{1} << 32, 1).index(0, 5), 0);
}

// 100 pictures: 50 square, 30 wide, 17 tall, 3 very wide.
std::vector<ImageSize> some_sizes() {
  std::vector<ImageSize> sizes;
  for (int i = 0; i < 100; ++i)
    sizes.push_back(i < 50   ? ImageSize{100, 100}
                    : i < 80 ? ImageSize{150, 100}
                    : i < 97 ? ImageSize{80, 120}
                             : ImageSize{400, 100});
  return sizes;
}

std::vector<Scale> buckets_of(std::initializer_list<int> resolutions) {
  std::vector<Scale> scales;
  for (const int resolution : resolutions) scales.push_back({aspect_buckets(resolution, 4, 64)});
  return scales;
}

TEST(BatchPlan, BatchesAreHomogeneousAndOfTheNearestBucket) {
  const std::vector<ImageSize> sizes = some_sizes();
  const std::vector<Scale> scales = buckets_of({512});
  const BatchPlan plan(sizes, scales, 8, 1);
  for (std::int64_t step = 0; step < 200; ++step) {
    const Batch batch = plan.at(step);
    ASSERT_EQ(batch.samples.size(), 8u);
    for (const std::int64_t sample : batch.samples)
      EXPECT_EQ(
          batch.bucket,
          scales[0].buckets[nearest_bucket(scales[0].buckets, sizes[static_cast<std::size_t>(sample)])]);
  }
}

TEST(BatchPlan, EverySampleIsSeenOnceAnEpochUpToAPartialBatch) {
  const BatchPlan plan(some_sizes(), buckets_of({512}), 8, 1);
  std::vector<int> seen(100);
  std::int64_t step = 0;
  for (int epoch = 0; epoch < 40; ++epoch) {
    EXPECT_EQ(plan.steps_before(epoch), step);
    for (; step < plan.steps_before(epoch + 1); ++step) {
      EXPECT_EQ(plan.epoch_of(step), epoch);
      const Batch batch = plan.at(step);
      EXPECT_EQ(batch.epoch, epoch);
      for (const std::int64_t sample : batch.samples) ++seen[static_cast<std::size_t>(sample)];
    }
    // Four buckets, each with up to seven samples that wait for their batch.
    int waiting = 0;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const int behind = epoch + 1 - seen[i];
      EXPECT_GE(behind, 0);
      EXPECT_LE(behind, i < 97 ? 1 : 3) << i;  // three samples alone in their bucket wait for three epochs
      waiting += behind;
    }
    EXPECT_LE(waiting, 4 * 7);
  }
}

TEST(BatchPlan, IsAPureFunctionOfTheStep) {
  const std::vector<ImageSize> sizes = some_sizes();
  const BatchPlan plan(sizes, buckets_of({256, 512}), 4, 7);
  std::vector<Batch> continuous;
  for (std::int64_t step = 0; step < 300; ++step) continuous.push_back(plan.at(step));
  const BatchPlan resumed(sizes, buckets_of({256, 512}), 4, 7);
  for (std::int64_t step = 299; step >= 0; step -= 13)
    EXPECT_EQ(resumed.at(step), continuous[static_cast<std::size_t>(step)]);
  const BatchPlan other(sizes, buckets_of({256, 512}), 4, 8);
  int same = 0;
  for (std::int64_t step = 0; step < 300; ++step)
    same += other.at(step) == continuous[static_cast<std::size_t>(step)] ? 1 : 0;
  EXPECT_LT(same, 5);
  EXPECT_EQ(plan.at(std::int64_t{1} << 40).samples.size(), 4u);
}

TEST(BatchPlan, BucketsMixWithinAnEpoch) {
  const BatchPlan plan(std::vector<ImageSize>(some_sizes()), buckets_of({512}), 2, 1);
  std::set<std::pair<int, int>> early;
  for (std::int64_t step = 0; step < 12; ++step)
    early.insert({plan.at(step).bucket.width, plan.at(step).bucket.height});
  EXPECT_GE(early.size(), 2u);
}

TEST(BatchPlan, ScalesAreDrawnByTheirWeights) {
  std::vector<Scale> scales = buckets_of({256, 512, 1024});
  scales[0].weight = 1;
  scales[1].weight = 2;
  scales[2].weight = 5;
  const BatchPlan plan(some_sizes(), scales, 4, 3);
  std::vector<int> batches(3);
  std::vector<std::vector<int>> seen(3, std::vector<int>(100));
  const std::int64_t steps = plan.steps_before(80);
  EXPECT_NEAR(static_cast<double>(steps), 80 * 25, 12);  // as many samples as without scales
  for (std::int64_t step = 0; step < steps; ++step) {
    const Batch batch = plan.at(step);
    ++batches[batch.scale];
    for (const std::int64_t sample : batch.samples) ++seen[batch.scale][static_cast<std::size_t>(sample)];
  }
  EXPECT_NEAR(batches[0], 250, 5);
  EXPECT_NEAR(batches[1], 500, 5);
  EXPECT_NEAR(batches[2], 1250, 5);
  for (std::size_t scale = 0; scale < 3; ++scale) {
    const auto [least, most] = std::ranges::minmax(seen[scale]);
    EXPECT_LE(most - least, 2);  // a bucket of three samples runs ahead or behind by one batch
  }
}

TEST(BatchPlan, EnlargesNoPictureWhereAScaleForbidsIt) {
  const std::vector<Scale> scales{{{{64, 64}}, 1.0, false}, {{{128, 128}, {192, 64}}, 1.0, false}};
  const std::vector<ImageSize> sizes{{64, 64}, {96, 64}, {127, 128}, {128, 128}, {192, 64}, {60, 60}};
  const BatchPlan plan(sizes, scales, 2, 5);
  std::vector<std::vector<int>> seen(2, std::vector<int>(sizes.size()));
  std::int64_t steps = 0;
  for (; plan.epoch_of(steps) < 40; ++steps) {
    const Batch batch = plan.at(steps);
    for (const std::int64_t sample : batch.samples) ++seen[batch.scale][static_cast<std::size_t>(sample)];
  }
  EXPECT_EQ(steps, plan.steps_before(40));
  const std::vector<std::vector<bool>> taken{{true, true, true, true, true, false},
                                             {false, false, false, true, true, false}};
  for (std::size_t scale = 0; scale < 2; ++scale)
    for (std::size_t sample = 0; sample < sizes.size(); ++sample)
      EXPECT_NEAR(seen[scale][sample], taken[scale][sample] ? 20 : 0, taken[scale][sample] ? 3 : 0)
          << "picture " << sample << " at scale " << scale;
  EXPECT_THROW(BatchPlan(std::vector<ImageSize>{{60, 60}}, scales, 2, 5), ArgumentError);
}

TEST(BatchPlan, ShrinksNoPictureWhereAScaleForbidsIt) {
  const std::vector<Scale> scales{{{{64, 64}}, 1.0, true, false}};
  const std::vector<ImageSize> sizes{{64, 64}, {65, 65}, {96, 64}, {60, 60}, {128, 128}};
  std::vector<int> seen(sizes.size());
  const BatchPlan plan(sizes, scales, 1, 5);
  for (std::int64_t step = 0; step < 30; ++step) ++seen[static_cast<std::size_t>(plan.at(step).samples[0])];
  EXPECT_EQ(seen, (std::vector<int>{10, 0, 10, 10, 0}));
  EXPECT_THROW(BatchPlan(std::vector<ImageSize>{{65, 65}}, scales, 1, 5), ArgumentError);
}

TEST(BatchPlan, OneSquareBucketAndFewPictures) {
  const std::vector<ImageSize> sizes(3, {10, 20});
  const BatchPlan plan(sizes, {{{{64, 64}}}}, 8, 1);
  std::vector<int> seen(3);
  for (std::int64_t step = 0; step < 30; ++step)
    for (const std::int64_t sample : plan.at(step).samples) ++seen[static_cast<std::size_t>(sample)];
  EXPECT_EQ(seen, (std::vector<int>{80, 80, 80}));
  EXPECT_EQ(plan.epoch_of(0), 2);  // the first batch is full in the third epoch
}

TEST(BatchPlan, ReplacementsStayInTheBucketThenAnywhere) {
  const std::vector<ImageSize> sizes = some_sizes();
  const BatchPlan plan(sizes, buckets_of({512}), 8, 1);
  std::set<std::int64_t> near, far;
  for (std::int64_t step = 0; step < 50; ++step)
    for (std::int64_t slot = 0; slot < 8; ++slot)
      for (int attempt = 0; attempt < 6; ++attempt) {
        const std::int64_t sample = plan.replacement(step, slot, attempt);
        EXPECT_EQ(plan.replacement(step, slot, attempt), sample);
        const bool same_bucket = sizes[static_cast<std::size_t>(sample)] ==
                                 sizes[static_cast<std::size_t>(plan.at(step).samples[0])];
        if (attempt < 3) {
          EXPECT_TRUE(same_bucket);
        }
        (attempt < 3 ? near : far).insert(sample);
      }
  EXPECT_GT(near.size(), 80u);
  EXPECT_GT(far.size(), 95u);
}

TEST(BatchPlan, RefusesWhatCannotBe) {
  const std::vector<ImageSize> sizes = some_sizes();
  EXPECT_THROW(BatchPlan(sizes, buckets_of({512}), 0, 1), ArgumentError);
  EXPECT_THROW(BatchPlan({}, buckets_of({512}), 1, 1), ArgumentError);
  EXPECT_THROW(BatchPlan(sizes, {}, 1, 1), ArgumentError);
  EXPECT_THROW(BatchPlan(sizes, {{{}}}, 1, 1), ArgumentError);
  EXPECT_THROW(BatchPlan(sizes, {{{{64, 64}}, 0.0}}, 1, 1), ArgumentError);
  EXPECT_THROW(BatchPlan(sizes, {{{{64, 64}}, -1.0}}, 1, 1), ArgumentError);
  EXPECT_THROW(BatchPlan(sizes, buckets_of({512}), 1, 1).at(-1), ArgumentError);
}

}  // namespace
}  // namespace sd35
