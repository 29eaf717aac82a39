// The height of capital letters among others.
#include "lab/scoring/capitals.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sd35 {
namespace {

TEST(CapitalHeightTest, IsThatOfLettersWithoutTails) {
  const auto letter = [](const char* character, double height) {
    Letter result;
    result.character = character;
    result.height = height;
    return result;
  };
  EXPECT_EQ(capital_height({letter("T", 20), letter("r", 14), letter("y", 25)}), 20);
  EXPECT_EQ(capital_height({letter("c", 14), letter("h", 21)}), 21);
  EXPECT_TRUE(std::isnan(capital_height({letter("a", 14), letter("y", 25)})));
  EXPECT_TRUE(std::isnan(capital_height({})));
}

}  // namespace
}  // namespace sd35
