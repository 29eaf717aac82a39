// Activation checkpointing (Chen et al. 2016): a part of a model keeps only its inputs, and is computed again
// in the backward pass.
#pragma once

#include <vector>

#include "ops/ops.h"

namespace sd35 {

// body(inputs) without recording a history inside; gradients reach `inputs` and every leaf that `body` uses.
// `body` must give the same results each time, and is kept until the backward pass has run.
std::vector<Tensor> recomputed_segment(const std::vector<Tensor>& inputs, const Segment& body);

}  // namespace sd35
