// The folder of a run, before training begins.
#pragma once

#include <filesystem>

#include "train/train_config.h"

namespace sd35::train {

// Makes `folder`. Throws ArgumentError if a run would do harm or not be what was asked for: the folder
// holds a run and `resume` is false, or one that began with another configuration and `resume` is true; it
// lies in the data set, among whose pictures the run's would count; it is a model. Throws FileError.
void prepare_run_folder(const std::filesystem::path& folder, const TrainConfig& config, bool resume);

// Keeps the configuration of the run in it, as configuration.json. Only while holding the lock: until then
// the run there may be another one's. Throws FileError.
void keep_configuration(const std::filesystem::path& folder, const TrainConfig& config);

// Keeps other programs from training in `folder` as long as it lives. Throws ArgumentError if one does.
class RunLock {
 public:
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  int descriptor_;
};

}  // namespace sd35::train
