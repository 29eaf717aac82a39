// Which of the kinds of batches that a stage mixes comes next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sd35::train {

struct Stage;

// In every run of this many steps each part of a mix has exactly its share, rounded to whole steps; the order
// is random.
inline constexpr std::int64_t kMixedSteps = 100;

// The elements of its mix, or the stage itself.
std::span<const Stage> parts_of(const Stage& stage);

struct Turn {
  std::size_t part = 0;     // in parts_of()
  std::int64_t number = 0;  // of this step among the part's own
};

// Of a step of the stage, from 0: a pure function of its arguments.
Turn turn_of(const Stage& stage, std::int64_t step_of_stage, std::uint64_t seed);

}  // namespace sd35::train
