// A deeper model than the one that training begins with; the new parts change nothing at first.
// Reference: Wu et al. 2024 (LLaMA Pro, arXiv 2401.02415): copies of blocks whose output is zeroed.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "train/train_config.h"
#include "weights/model/model_files.h"

namespace sd35::train {

// Of a transformer of `old` blocks: after which of them, counted from 1, the new ones come, in ascending
// order (one may be named twice). Growth::after, or evenly spread. Throws ArgumentError when the model does
// not become deeper, or `after` does not fit it: it never names the last block, whose text tokens end there.
std::vector<int> places_of_new_blocks(const Growth& growth, int old);

// The configuration of the grown component (transformer or vae); that of the model it grew from is `old`. A
// second attention stays with the blocks that have it. Throws ArgumentError as places_of_new_blocks() does,
// or when an autoencoder does not become deeper, and FileError when `old` is not valid.
nlohmann::json grown_config(const Growth& growth, Component component, const ComponentConfig& old);

// Its weights. A new block of a transformer is a copy of the one it follows with a modulation of zeros
// (without the second attention, which no new block has); a new residual of an autoencoder ends in a
// convolution of zeros. `old_config` is the configuration of `old`.
std::shared_ptr<const WeightSource> grown_weights(const Growth& growth, Component component,
                                                  const ComponentConfig& old_config, const WeightSource& old);

}  // namespace sd35::train
