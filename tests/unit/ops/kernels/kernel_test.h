// What tests of kernels share: every level of instructions this CPU has, elements that begin at odd places
// with guards around them, and a comparison that names the worst element.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/cpu.h"
#include "core/dtype.h"
#include "ops/native/kernels/rows.h"

namespace sd35::kernels {

constexpr double kF32Rounding = 0x1p-24, kBf16Rounding = 0x1p-8;
constexpr Element kElements[] = {Element::f32, Element::bf16};

inline double rounding_of(Element type) { return type == Element::f32 ? kF32Rounding : kBf16Rounding; }

inline std::vector<IsaLevel> levels_of_this_cpu() {
  std::vector<IsaLevel> levels;
  for (const IsaLevel level : {IsaLevel::generic, IsaLevel::avx2, IsaLevel::avx512, IsaLevel::avx512_bf16})
    if (level <= best_isa_level()) levels.push_back(level);
  return levels;
}

// A test that runs once per level.
class KernelTest : public testing::TestWithParam<IsaLevel> {
 protected:
  void SetUp() override { force_isa_level(GetParam()); }
  void TearDown() override { force_isa_level(best_isa_level()); }
};

inline std::string name_of_level(const testing::TestParamInfo<IsaLevel>& info) { return name_of(info.param); }

// Elements behind one element and before another, so that vectors are never aligned; writing over either
// guard is noticed.
class Elements {
 public:
  Elements(Element type, std::int64_t count)
      : type_(type), size_(type == Element::f32 ? 4 : 2), count_(count) {
    memory_.assign(static_cast<std::size_t>((count + 2) * size_), kGuard);
  }
  Elements(Element type, const std::vector<float>& values)
      : Elements(type, static_cast<std::int64_t>(values.size())) {
    for (std::int64_t i = 0; i < count_; ++i) set(i, values[static_cast<std::size_t>(i)]);
  }

  In in(std::int64_t first = 0) const { return {memory_.data() + (1 + first) * size_, type_}; }
  Out out(std::int64_t first = 0) { return {memory_.data() + (1 + first) * size_, type_}; }
  std::int64_t count() const { return count_; }
  Element type() const { return type_; }

  float operator[](std::int64_t i) const {
    const std::byte* from = memory_.data() + (1 + i) * size_;
    if (type_ == Element::bf16) {
      bf16 value;
      std::memcpy(&value, from, sizeof(value));
      return to_float(value);
    }
    float value;
    std::memcpy(&value, from, sizeof(value));
    return value;
  }
  void set(std::int64_t i, float value) {
    std::byte* to = memory_.data() + (1 + i) * size_;
    const bf16 half = to_bf16(value);
    if (type_ == Element::bf16)
      std::memcpy(to, &half, sizeof(half));
    else
      std::memcpy(to, &value, sizeof(value));
  }
  bool guards_intact() const {
    for (std::int64_t i = 0; i < size_; ++i)
      if (memory_[static_cast<std::size_t>(i)] != kGuard ||
          memory_[memory_.size() - 1 - static_cast<std::size_t>(i)] != kGuard)
        return false;
    return true;
  }
  bool operator==(const Elements& other) const { return memory_ == other.memory_; }

 private:
  static constexpr std::byte kGuard{0xa5};

  Element type_;
  std::int64_t size_, count_;
  std::vector<std::byte> memory_;
};

// Normal numbers, the same for the same seed.
inline std::vector<float> random_floats(std::int64_t count, unsigned seed, float spread = 1.0f,
                                        float mean = 0.0f) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(mean, spread);
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(generator);
  return values;
}

inline Elements random_elements(Element type, std::int64_t count, unsigned seed, float spread = 1.0f,
                                float mean = 0.0f) {
  return {type, random_floats(count, seed, spread, mean)};
}

// What a kernel should have returned, and how far off each element may be before it is rounded to its type.
struct Expected {
  std::vector<double> values, tolerances;
  void add(double value, double tolerance) {
    values.push_back(value);
    tolerances.push_back(tolerance);
  }
};

// Fails with the element that exceeds its tolerance by the largest factor.
inline void expect_close(const Elements& got, const Expected& expected, const std::string& what) {
  ASSERT_EQ(got.count(), static_cast<std::int64_t>(expected.values.size())) << what;
  EXPECT_TRUE(got.guards_intact()) << what << " wrote outside its result";
  double worst = 0;
  std::size_t worst_index = 0;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const double value = expected.values[i];
    const double bound = expected.tolerances[i] + 1.01 * rounding_of(got.type()) * std::abs(value) + 1e-36;
    const double excess = std::abs(got[static_cast<std::int64_t>(i)] - value) / bound;
    if (excess <= worst) continue;
    worst = std::isnan(excess) ? std::numeric_limits<double>::infinity() : excess;
    worst_index = i;
  }
  EXPECT_LE(worst, 1.0) << what << ": element " << worst_index << " of " << expected.values.size() << " is "
                        << got[static_cast<std::int64_t>(worst_index)] << ", not "
                        << expected.values[worst_index] << " within " << expected.tolerances[worst_index]
                        << " and a rounding";
}

}  // namespace sd35::kernels
