#include "serving/models/models.h"

#include <malloc.h>

#include <algorithm>

#include "core/error.h"
#include "core/messages.h"

namespace sd35::serving {
namespace {

void replace_all(std::string& text, const std::string& what, const std::string& with) {
  if (what.empty()) return;
  for (std::size_t at = text.find(what); at != text.npos; at = text.find(what, at + with.size()))
    text.replace(at, what.size(), with);
}

// What was in use goes back to the system.
void give_back_memory() { malloc_trim(0); }

}  // namespace

Models::Models(ModelsConfig config, const std::function<void(const std::string&)>& warn)
    : config_(std::move(config)) {
  for (const NamedModel& model : config_.models) open(model);
  if (!config_.folder.empty())
    for (const NamedModel& model : models_in(config_.folder)) {
      if (entries_.contains(model.name)) continue;
      try {
        open(model);
      } catch (const Error& error) {
        warn("the model " + in_quotes(model.path) + " is left out: " + error.what());
      }
    }
  if (order_.empty())
    throw ArgumentError("which model? --model NAME=PATH, or --models FOLDER with models in it");
  refresh_loras();
}

void Models::open(const NamedModel& model) {
  if (entries_.contains(model.name))
    throw ArgumentError("two models have the name " + in_quotes(model.name) +
                        "; --model NAME=PATH gives another");
  Entry entry;
  entry.path = model.path;
  entry.pipeline = opened(model.path);
  entry.defaults = entry.pipeline->completed({});
  entries_.emplace(model.name, std::move(entry));
  order_.push_back(model.name);
}

Models::PipelinePointer Models::opened(const std::string& path) const {
  return std::make_shared<const Pipeline>(Pipeline::from_pretrained(path, config_.load));
}

std::vector<std::string> Models::names() const { return order_; }

Models::PipelinePointer Models::pipeline(const std::string& name) {
  const std::lock_guard one_at_a_time(opening_);
  Entry& entry = entries_.at(name);
  {
    const std::lock_guard lock(mutex_);
    if (entry.pipeline) return entry.pipeline;
  }
  PipelinePointer pipeline = opened(entry.path);
  const std::lock_guard lock(mutex_);
  entry.pipeline = pipeline;
  return pipeline;
}

Models::PipelinePointer Models::pipeline_to_draw(const std::string& name, Clock::time_point now) {
  const PipelinePointer drawing = pipeline(name);
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_.at(name);
  entry.pipeline = drawing;
  entry.loaded = now;
  release_oldest(config_.max_loaded);
  return drawing;
}

// Until no more than `most` are loaded.
void Models::release_oldest(int most) {
  while (true) {
    Entry* oldest = nullptr;
    int count = 0;
    for (auto& [name, entry] : entries_) {
      if (!entry.loaded) continue;
      ++count;
      if (oldest == nullptr || *entry.loaded < *oldest->loaded) oldest = &entry;
    }
    if (count <= most) return;
    oldest->pipeline = nullptr;
    oldest->loaded.reset();
    give_back_memory();
  }
}

void Models::release_idle(Clock::time_point now) {
  if (config_.unload_after.count() == 0) return;
  bool any = false;
  {
    const std::lock_guard lock(mutex_);
    for (auto& [name, entry] : entries_) {
      if (!entry.loaded || now - *entry.loaded < config_.unload_after) continue;
      entry.pipeline = nullptr;
      entry.loaded.reset();
      any = true;
    }
  }
  if (any) give_back_memory();
}

void Models::release_all() {
  const std::lock_guard lock(mutex_);
  release_oldest(0);
}

int Models::loaded() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(
      std::ranges::count_if(entries_, [](const auto& each) { return each.second.loaded.has_value(); }));
}

bool Models::is_loaded(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  return entries_.at(name).loaded.has_value();
}

std::vector<std::string> Models::loras() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, path] : loras_) names.push_back(name);
  return names;
}

std::optional<std::filesystem::path> Models::lora(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto found = loras_.find(name);
  if (found == loras_.end()) return std::nullopt;
  return found->second;
}

void Models::refresh_loras() {
  if (config_.loras.empty()) return;
  auto loras = loras_in(config_.loras);
  const std::lock_guard lock(mutex_);
  loras_ = std::move(loras);
}

std::string Models::without_paths(std::string text) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [name, path] : loras_) replace_all(text, path.string(), name);
  for (const auto& [name, entry] : entries_) replace_all(text, entry.path, name);
  replace_all(text, config_.loras.string(), "loras");
  return text;
}

}  // namespace sd35::serving
