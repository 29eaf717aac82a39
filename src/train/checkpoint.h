// The state of a run in one file that appears whole: weights, both moments, moving average, step. Random
// numbers and the order of the data are functions of the step, so nothing else is needed to continue exactly.
#pragma once

#include <filesystem>
#include <optional>

#include "train/optimizers/parameter_store.h"

namespace sd35::train {

struct TrainingState {
  std::int64_t step = 0;  // steps done
  at::Tensor values, first_moment, second_moment;
  at::Tensor average;  // undefined without a moving average
};

// Writes "checkpoint-<step>.safetensors" into `run`, then removes all but the newest `keep`. Throws FileError
// when the disk is full; older checkpoints are then still there.
void write_checkpoint(const std::filesystem::path& run, const ParameterStore& store,
                      const TrainingState& state, std::int64_t keep);

// The newest checkpoint in `run`.
std::optional<std::filesystem::path> newest_checkpoint(const std::filesystem::path& run);

// Reads it into the tensors of `state`. Throws FileError when the file is damaged or belongs to another
// model.
void read_checkpoint(const std::filesystem::path& path, const ParameterStore& store, TrainingState& state);

}  // namespace sd35::train
