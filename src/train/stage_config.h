// The stages of a training configuration.
#pragma once

#include "train/config_section.h"
#include "train/train_config.h"

namespace sd35::train {

// Throws FileError as TrainConfig::read() does.
Stage read_stage(Section section, Task task);

}  // namespace sd35::train
