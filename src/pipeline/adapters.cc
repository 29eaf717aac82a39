#include "pipeline/adapters.h"

#include <utility>

#include "core/error.h"

namespace sd35 {

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

LoraUpdates read_loras(std::span<const LoraOptions> loras, const LoraTargets& targets,
                       const std::function<void(const std::string&)>& on_warning) {
  LoraUpdates all;
  for (const LoraOptions& lora : loras) {
    for (auto& [component, updates] : read_lora(lora.path, targets, on_warning))
      for (LoraUpdate& update : updates) {
        update.scale *= static_cast<float>(lora.weight);
        all[component].push_back(std::move(update));
      }
  }
  return all;
}

}  // namespace sd35
