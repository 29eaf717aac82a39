// The model that a run begins with: what the run takes from it, so that a different one is noticed.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "train/train_config.h"

namespace sd35::train {

// For each component that the run takes anything from, by the name of its folder, a hash of configuration,
// weights and tokenizer, wherever they are.
using StartingModel = std::map<std::string, std::string>;

// Reads all of it once. Throws FileError.
StartingModel starting_model(const TrainConfig& config);

// Throws ArgumentError if `folder` holds a run that began with another model, FileError.
void check_starting_model(const std::filesystem::path& folder, const TrainConfig& config,
                          const StartingModel& model);

// Keeps it in `folder`, that of the run, as starting_model.json. Only while holding the lock
// (train/run_folder.h). Throws FileError.
void keep_starting_model(const std::filesystem::path& folder, const StartingModel& model);

}  // namespace sd35::train
