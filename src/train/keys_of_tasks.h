// Which keys of a configuration only some tasks use.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "train/train_config.h"

namespace sd35::train {

struct KeyOfTasks {
  const char* name;
  std::vector<Task> tasks;

  // "belongs to the tasks transformer and lora; 'task' is 'clip'"; empty for a task that uses it.
  std::string refusal(Task task) const;
};

// For the configuration itself, and for a stage or an element of its mix. Keys that are not listed belong to
// all tasks.
std::span<const KeyOfTasks> keys_of_tasks();
std::span<const KeyOfTasks> stage_keys_of_tasks();

// "transformer", "lora", "autoencoder", "clip", "t5".
std::vector<std::string> task_names();
Task task_from_name(std::string_view name);

}  // namespace sd35::train
