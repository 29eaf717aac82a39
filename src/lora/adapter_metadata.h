// What PEFT says of an adapter: rank and alpha, in the safetensors metadata.
// Reference: diffusers loaders/lora_base.py, LORA_ADAPTER_METADATA_KEY; peft LoraConfig and get_pattern_key.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "weights/component.h"

namespace sd35 {

inline constexpr const char* kAdapterMetadata = "lora_adapter_metadata";

class AdapterMetadata {
 public:
  // `metadata`: of the safetensors file, which may have none of this. Throws FileError, naming `location`,
  // when it is no JSON object.
  AdapterMetadata(const std::map<std::string, std::string>& metadata, std::string location);

  // alpha / r of a layer, named as in the file without the component; 1 where nothing is said. Throws
  // FileError when a value has another type or the rank that is said differs from `rank`.
  double scale(Component component, std::string_view layer, std::int64_t rank) const;

 private:
  nlohmann::json values_ = nlohmann::json::object();
  std::string location_;
};

}  // namespace sd35
