// The values of weights before training.
// Reference: DiT (Peebles and Xie 2023), as used for SD3: adaLN-zero, so that each block begins as the
// identity.
#pragma once

#include <span>

#include "train/samples/sample_random.h"
#include "weights/parameters.h"

namespace sd35::train {

// Linear layers Xavier-uniform, convolutions uniform within 1 / sqrt(inputs), embeddings and the timestep's
// and pooled text's layers normal 0.02, norms 1, the last layer, modulation, biases and shifts 0.
void initial_values(const ParameterSpec& spec, std::span<float> values, SampleRandom random);

}  // namespace sd35::train
