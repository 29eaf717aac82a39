#include "train/samples/sample_random.h"

#include <cmath>
#include <numbers>

namespace sd35::train {

std::uint32_t SampleRandom::next() {
  if (left_ == 0) {
    // The low word of the block counts; its high word is never reached by one sample.
    words_ = philox4x32({static_cast<std::uint32_t>(block_++), 0, sample_, step_}, key_);
    left_ = 4;
  }
  return words_[static_cast<std::size_t>(--left_)];
}

float SampleRandom::uniform() { return static_cast<float>(next() >> 8) * 0x1p-24f; }

std::int64_t SampleRandom::below(std::int64_t count) {
  return static_cast<std::int64_t>((static_cast<std::uint64_t>(next()) * static_cast<std::uint64_t>(count)) >>
                                   32);
}

float SampleRandom::normal() {
  // Box-Muller; 1 - u keeps the logarithm away from 0.
  const float radius = std::sqrt(-2.0f * std::log(1.0f - uniform()));
  return radius * std::cos(2.0f * std::numbers::pi_v<float> * uniform());
}

void SampleRandom::normal(std::span<float> out) {
  for (float& value : out) value = normal();
}

}  // namespace sd35::train
