// Random values: the same everywhere, of the promised range.
#include "random_models/random_weights.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "core/threads.h"

namespace sd35 {
namespace {

std::vector<float> values(std::uint64_t seed, const std::string& name, std::uint64_t first, std::size_t count,
                          ValueRange range = {0, 1}) {
  std::vector<float> out(count);
  fill_random(seed, name, range, first, out);
  return out;
}

TEST(RandomWeightsTest, AreTheSameEverywhere) {
  // Fixed once: a model made today must be the model made tomorrow.
  const std::vector<float> expected{-0.567086995f, 0.719450176f, 0.550806761f, 0.724101663f};
  EXPECT_EQ(values(7, "transformer.proj_out.weight", 0, 4), expected);
}

TEST(RandomWeightsTest, DoNotDependOnThePieceOrTheThreads) {
  const std::vector<float> whole = values(1, "a", 0, 100000);
  const std::vector<float> piece = values(1, "a", 70000, 1000);
  EXPECT_TRUE(std::equal(piece.begin(), piece.end(), whole.begin() + 70000));
  const ThreadCount one(1);
  EXPECT_EQ(values(1, "a", 0, 100000), whole);
}

TEST(RandomWeightsTest, DifferByNameAndSeed) {
  EXPECT_NE(values(1, "a", 0, 8), values(1, "b", 0, 8));
  EXPECT_NE(values(1, "a", 0, 8), values(2, "a", 0, 8));
}

TEST(RandomWeightsTest, HaveTheAskedMeanAndDeviation) {
  const std::vector<float> x = values(3, "a", 0, 1000000, {1.0f, 0.1f});
  double sum = 0, squares = 0, largest = 0;
  for (const float v : x) {
    sum += v;
    squares += (v - 1.0) * (v - 1.0);
    largest = std::max(largest, std::abs(v - 1.0));
  }
  EXPECT_NEAR(sum / 1e6, 1.0, 5e-4);
  EXPECT_NEAR(std::sqrt(squares / 1e6), 0.1, 5e-4);
  EXPECT_LE(largest, 0.1 * 3.47);
}

TEST(RandomWeightsTest, RangesFollowTheKind) {
  const auto deviation = [](const std::string& name, Shape shape, ParameterKind kind) {
    return initial_range(name, shape, kind).deviation;
  };
  EXPECT_FLOAT_EQ(deviation("transformer_blocks.0.attn.to_q.weight", {64, 256}, ParameterKind::linear),
                  1.0f / 16);
  EXPECT_FLOAT_EQ(deviation("transformer_blocks.0.ff.net.2.weight", {64, 256}, ParameterKind::linear),
                  0.6f / 16);
  EXPECT_FLOAT_EQ(deviation("decoder.conv_in.weight", {8, 16, 4, 4}, ParameterKind::conv), 1.0f / 16);
  EXPECT_FLOAT_EQ(deviation("shared.weight", {9, 256}, ParameterKind::embedding), 1.0f);
  EXPECT_FLOAT_EQ(deviation("norm1.linear.bias", {256}, ParameterKind::modulation), 0.02f);
  EXPECT_FLOAT_EQ(initial_range("norm_q.weight", {64}, ParameterKind::norm_scale).mean, 1.0f);
}

}  // namespace
}  // namespace sd35
