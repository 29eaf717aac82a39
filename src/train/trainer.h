// The loop of a training run.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "train/objectives/objective.h"
#include "train/train_config.h"

namespace sd35::train {

struct RunOptions {
  std::filesystem::path folder;  // of the run; made if it is missing
  bool resume = false;           // from the newest checkpoint in the folder
  bool quiet = false;            // no progress line
  int threads = 0;               // 0: one per core
  // Called at least once per step; true: write a checkpoint, then throw Cancelled.
  std::function<bool()> stop_requested;
  OnMessage on_message;
};

// Trains until the last step of the configuration, in this process or as one of several. Leaves in the
// folder: checkpoints, metrics.jsonl, events for TensorBoard, chart.svg, sample grids, and the result. Throws
// ArgumentError when the folder holds a run already, FileError, NumericError naming step and batch when the
// loss is not a number, Cancelled, Error when another process is gone. In all of these cases the checkpoint
// is whole.
void run_training(const TrainConfig& config, const RunOptions& options);

}  // namespace sd35::train
