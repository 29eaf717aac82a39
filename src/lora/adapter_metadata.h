// What PEFT says of an adapter: rank and alpha, in the safetensors metadata or in adapter_config.json.
// Reference: diffusers loaders/lora_base.py, LORA_ADAPTER_METADATA_KEY; peft LoraConfig and get_pattern_key.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/location.h"
#include "weights/layouts/component.h"

namespace sd35 {

inline constexpr const char* kAdapterMetadata = "lora_adapter_metadata";

class AdapterMetadata {
 public:
  // `metadata`: of the safetensors file `path`, which may have none of this; then adapter_config_of() says
  // it. Throws FileError, naming the file, when that is not a JSON object, or says that the adapter is more
  // than low-rank updates: DoRA, biases, whole modules, an initialization that changes the model's weights.
  AdapterMetadata(const std::map<std::string, std::string>& metadata, const std::filesystem::path& path);

  // The model that it was made for; empty if nothing is said.
  std::string base_model() const;

  // alpha / r of a layer, named without the component; 1 if nothing is said. Throws
  // FileError when a value has another type or the rank that is said differs from `rank`.
  double scale(Component component, std::string_view layer, std::int64_t rank) const;

 private:
  void refuse_other_kinds() const;

  nlohmann::json values_ = nlohmann::json::object();
  bool of_one_component_ = false;  // its keys have none
  Location location_;
};

}  // namespace sd35
