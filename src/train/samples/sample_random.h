// The random numbers of training: a pure function of (seed, step, sample, use), so that a resumed run,
// another number of processes or of micro-batches draws the same ones, and a checkpoint keeps none.
#pragma once

#include <cstdint>
#include <span>

#include "core/philox.h"

namespace sd35::train {

// The numbers of one sample in one step, or of one weight before the first.
class SampleRandom {
 public:
  SampleRandom(std::uint64_t seed, std::uint32_t step, std::uint32_t sample)
      : key_{static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)},
        step_(step),
        sample_(sample) {}

  // In [0, 1).
  float uniform();
  // In [0, count); count up to 2^32.
  std::int64_t below(std::int64_t count);
  float normal();
  void normal(std::span<float> out);

 private:
  std::uint32_t next();

  PhiloxKey key_;
  std::uint32_t step_, sample_;
  std::uint64_t block_ = 0;
  PhiloxCounter words_{};
  int left_ = 0;  // of words_
};

// The numbers of one step.
class StepRandom {
 public:
  StepRandom(std::uint64_t seed, std::int64_t step) : seed_(seed), step_(step) {}
  SampleRandom sample(std::int64_t number) const {
    return {seed_, static_cast<std::uint32_t>(step_), static_cast<std::uint32_t>(number)};
  }
  // For decisions about the whole batch, and for the place of a sample's window. There are fewer than 2^31
  // samples, so these numbers are different ones.
  SampleRandom batch() const { return sample(0xffffffff); }
  SampleRandom window(std::int64_t number) const { return sample(number | 0x80000000); }

 private:
  std::uint64_t seed_;
  std::int64_t step_;
};

}  // namespace sd35::train
