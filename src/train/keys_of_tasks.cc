#include "train/keys_of_tasks.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/messages.h"

namespace sd35::train {
namespace {

constexpr std::array kNames{std::pair{Task::transformer, "transformer"}, std::pair{Task::lora, "lora"},
                            std::pair{Task::autoencoder, "autoencoder"}, std::pair{Task::clip, "clip"},
                            std::pair{Task::t5, "t5"}};

std::string name_of(Task task) {
  return std::ranges::find(kNames, task, &std::pair<Task, const char*>::first)->second;
}

}  // namespace

std::string KeyOfTasks::refusal(Task task) const {
  if (std::ranges::find(tasks, task) != tasks.end()) return "";
  std::string list = name_of(tasks.front());
  for (std::size_t i = 1; i < tasks.size(); ++i)
    list += (i + 1 == tasks.size() ? " and " : ", ") + name_of(tasks[i]);
  return std::string(tasks.size() == 1 ? "belongs to the task " : "belongs to the tasks ") + list +
         "; 'task' is " + in_quotes(name_of(task));
}

std::span<const KeyOfTasks> keys_of_tasks() {
  using enum Task;
  static const std::vector<KeyOfTasks> keys{{"lora", {lora}},
                                            {"captions", {t5}},
                                            {"mask_ratio", {t5}},
                                            {"place_weight", {t5}},
                                            {"letter_widths", {t5}},
                                            {"letter_weight", {transformer}},
                                            {"letter_until", {transformer}},
                                            {"component", {clip}},
                                            {"kl_weight", {autoencoder}},
                                            {"perceptual_weight", {autoencoder}},
                                            {"reconstruction", {autoencoder}},
                                            {"decoder_only", {autoencoder}},
                                            {"latent_noise", {autoencoder}},
                                            {"grow", {transformer, autoencoder}},
                                            {"timesteps", {transformer, lora}},
                                            {"condition_dropout", {transformer, lora}},
                                            {"empty_caption_dropout", {transformer, lora}},
                                            {"position_crop", {transformer, lora}},
                                            {"cache", {transformer, lora}},
                                            {"cache_embeddings", {transformer, lora}},
                                            {"samples", {transformer, lora}},
                                            {"sample_every", {transformer, lora, autoencoder}},
                                            {"flip", {transformer, lora, autoencoder, clip}}};
  return keys;
}

std::span<const KeyOfTasks> stage_keys_of_tasks() {
  using enum Task;
  static const std::vector<Task> of_pictures{transformer, lora, autoencoder, clip};
  static const std::vector<KeyOfTasks> keys{{"crop", {autoencoder}},
                                            {"text_crops", {autoencoder}},
                                            {"trim_text", {transformer, lora}},
                                            {"window", {transformer, lora}},
                                            {"shift", {transformer, lora}},
                                            {"route", {transformer}},
                                            {"round_to", {transformer}},
                                            {"max_sequence_length", {transformer, lora, t5}},
                                            {"resolutions", of_pictures},
                                            {"max_aspect", of_pictures},
                                            {"enlarge", of_pictures},
                                            {"shrink", of_pictures},
                                            {"mix", of_pictures}};
  return keys;
}

std::vector<std::string> task_names() {
  std::vector<std::string> names;
  for (const auto& [task, name] : kNames) names.emplace_back(name);
  return names;
}

Task task_from_name(std::string_view name) {
  return std::ranges::find(kNames, name, [](const auto& task) { return std::string_view(task.second); })
      ->first;
}

}  // namespace sd35::train
