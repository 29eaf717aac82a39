#include "pipeline/adapters.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "core/error.h"
#include "lora/lora_files.h"

namespace sd35 {
namespace {

std::string absolute_name(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::absolute(path, ignored).lexically_normal().string();
}

// The states of all files that its updates come from, the weights first.
std::vector<std::optional<FileState>> states_of_lora(const std::filesystem::path& path) {
  std::vector<std::optional<FileState>> states;
  for (const std::filesystem::path& file : lora_files(path)) states.push_back(file_state(file));
  return states;
}

}  // namespace

LoraTargets lora_targets(const ModelFiles& files, bool use_t5) {
  LoraTargets targets;
  for (const Component component : {Component::text_encoder, Component::text_encoder_2,
                                    Component::text_encoder_3, Component::transformer}) {
    if (component == Component::text_encoder_3 && !use_t5) continue;
    const auto source = files.weights(component);
    for (const std::string& name : source->names()) targets[component][name] = source->find(name)->shape;
  }
  return targets;
}

LoraUpdates LoraFiles::read(std::span<const LoraOptions> loras, const LoraTargets& targets,
                            const std::function<void(const std::string&)>& on_warning) {
  LoraUpdates all;
  for (const LoraOptions& lora : loras) {
    const FilePointer file = opened(lora.path, targets);
    for (const std::string& warning : file->warnings) on_warning(warning);
    for (const auto& [component, updates] : file->updates)
      for (LoraUpdate update : updates) {
        update.scale *= static_cast<float>(lora.weight);
        all[component].push_back(std::move(update));
      }
  }
  return all;
}

// Two threads that name a new file at once both read it: neither waits for the other's read.
LoraFiles::FilePointer LoraFiles::opened(const std::filesystem::path& path, const LoraTargets& targets) {
  const auto file = std::make_shared<File>();
  file->name = absolute_name(path);
  try {
    file->states = states_of_lora(path);
    if (FilePointer found = known(file->name, file->states)) return found;
    file->updates =
        read_lora(path, targets, [&](const std::string& warning) { file->warnings.push_back(warning); });
  } catch (...) {
    rethrow_about("loras");
  }
  keep(file);
  return file;
}

LoraFiles::FilePointer LoraFiles::known(const std::string& name,
                                        const std::vector<std::optional<FileState>>& states) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(files_, name, &File::name);
  if (found == files_.end()) return nullptr;
  if ((*found)->states != states) {
    files_.erase(found);
    return nullptr;
  }
  files_.splice(files_.begin(), files_, found);
  return *found;
}

void LoraFiles::keep(FilePointer file) {
  const std::lock_guard lock(mutex_);
  std::erase_if(files_, [&](const FilePointer& other) { return other->name == file->name; });
  files_.push_front(std::move(file));
}

void LoraFiles::forget_others(std::span<const LoraOptions> loras, std::uint64_t bytes) {
  std::vector<std::string> named;
  for (const LoraOptions& lora : loras) named.push_back(absolute_name(lora.path));
  const std::lock_guard lock(mutex_);
  std::erase_if(files_, [&](const FilePointer& file) {
    if (std::ranges::find(named, file->name) != named.end()) return false;
    const std::uint64_t size = file->states.front().value_or(FileState()).size;
    const bool fits = size <= bytes;
    bytes = fits ? bytes - size : 0;
    return !fits;
  });
}

void LoraFiles::forget_all() { forget_others({}, 0); }

}  // namespace sd35
