#include "weights/model/said_config.h"

#include <nlohmann/json.hpp>

#include "core/config_file.h"
#include "core/error.h"
#include "core/location.h"
#include "core/messages.h"

namespace sd35 {

std::map<std::string, nlohmann::json> said_configs(const std::map<std::string, std::string>& metadata,
                                                   const std::string& location) {
  constexpr std::size_t kLargest = 16'000'000;  // as a file of its own
  std::map<std::string, nlohmann::json> configs;
  const auto found = metadata.find(std::string(kConfigKey));
  if (found == metadata.end()) return configs;
  const Location where(location + ": metadata '" + std::string(kConfigKey) + "'", location);
  if (found->second.size() > kLargest)
    throw FileError(where + " has " + std::to_string(found->second.size()) + " bytes; up to " +
                        std::to_string(kLargest) + " are read",
                    {}, where.file);
  const nlohmann::json all = parse_json_object(found->second, where);
  for (const auto& [name, config] : all.items()) {
    if (!config.is_object())
      throw FileError(where + ": " + in_quotes(name) + " is not an object", {}, where.file);
    configs[name] = config;
  }
  return configs;
}

std::string text_of_configs(const std::map<std::string, nlohmann::json>& configs) {
  return nlohmann::json(configs).dump();
}

}  // namespace sd35
