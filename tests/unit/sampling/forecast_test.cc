#include "sampling/forecast.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/error.h"

namespace sd35 {
namespace {

std::vector<int> computed(int interval, int first_step, int steps) {
  const Forecast forecast(interval, first_step, steps);
  std::vector<int> all;
  for (int step = first_step; step < steps; ++step)
    if (forecast.computes(step)) all.push_back(step);
  return all;
}

TEST(Forecast, ComputesTheBeginningTheEndAndEverySoManyth) {
  EXPECT_EQ(computed(1, 0, 5), (std::vector{0, 1, 2, 3, 4}));
  EXPECT_EQ(computed(2, 0, 9), (std::vector{0, 1, 2, 4, 6, 8}));
  EXPECT_EQ(computed(2, 0, 10), (std::vector{0, 1, 2, 4, 6, 8, 9}));
  EXPECT_EQ(computed(3, 4, 13), (std::vector{4, 5, 6, 9, 12}));
  EXPECT_EQ(computed(16, 0, 3), (std::vector{0, 1, 2}));
}

TEST(Forecast, FollowsALine) {
  Forecast forecast(2, 0, 10);
  EXPECT_THROW(forecast.at(1), Error);
  forecast.add(1, std::vector<float>{5, 7});
  EXPECT_EQ(forecast.at(0.5f), (std::vector<float>{5, 7}));
  forecast.add(0.75f, std::vector<float>{4, 8});
  EXPECT_EQ(forecast.at(0.5f), (std::vector<float>{3, 9}));
  forecast.add(0.5f, std::vector<float>{4, 8});
  EXPECT_EQ(forecast.at(0.25f), (std::vector<float>{4, 8}));
  // Heun's method asks again where it has been.
  forecast.add(0.5f, std::vector<float>{3, 9});
  EXPECT_EQ(forecast.at(0.25f), (std::vector<float>{2, 10}));
}

}  // namespace
}  // namespace sd35
