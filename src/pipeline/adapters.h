// LoRAs that a person asked for, ready to be added to weights or put beside them.
#pragma once

#include <functional>
#include <span>
#include <string>

#include "lora/lora_file.h"
#include "sd35/sd35.h"
#include "weights/model_files.h"

namespace sd35 {

// What updates may change: all that generate() loads but the autoencoder.
LoraTargets lora_targets(const ModelFiles& files, bool use_t5);

// The updates of all `loras`, in their order, with the weights that these have. Throws what read_lora throws,
// ArgumentError for a weight that is not finite.
LoraUpdates read_loras(std::span<const LoraOptions> loras, const LoraTargets& targets,
                       const std::function<void(const std::string&)>& on_warning);

}  // namespace sd35
