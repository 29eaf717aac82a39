// Values for a model that nobody trained: random, but such that activations stay in a normal range through
// every layer, so that comparisons, benchmarks and tests meet realistic numbers. They depend on the seed and
// on the name and place of an element only, not on the layout, the type or the machine.
//
//   weights of linear layers and convolutions   deviation g / sqrt(inputs); g = 1, and 0.6 if the result is
//                                               added to the residual stream
//   queries of T5                               g = 0.15, in place of its missing 1 / sqrt(d)
//   modulation                                  g = 0.5: gates and scales of about +-0.25
//   last convolution of the decoder             g = 0.8: pictures use about [-1, 1]
//   norm scales                                 1 +- 0.1
//   biases and norm shifts                      +- 0.02
//   embeddings                                  +- 0.02; T5's +- 1
//   relative position biases                    +- 1
//   position table                              sines and cosines, see mmdit/position_table.h
//
// "+- s" is a sum of four uniform numbers of deviation s, which is bell-shaped and ends at 3.5 s. With these,
// the deviation of the hidden states lies between 0.1 and 20 after every block of every component (tested).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/tensor.h"
#include "weights/parameters.h"

namespace sd35 {

struct ValueRange {
  float mean = 0;
  float deviation = 0;
};

// What a parameter starts with, by its name, shape and kind (not for position_table).
ValueRange initial_range(const std::string& name, const Shape& shape, ParameterKind kind);

// Elements [first, first + out.size()) of the tensor `name`.
void fill_random(std::uint64_t seed, const std::string& name, ValueRange range, std::uint64_t first,
                 std::span<float> out);

}  // namespace sd35
