// What a file of weights says of the model's configuration: the JSON files of a folder, carried in metadata.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace sd35 {

// Of safetensors and of GGUF files: a JSON object by the names of the folders ("transformer", "vae",
// "text_encoder", "text_encoder_2", "text_encoder_3": their config.json; "scheduler": its
// scheduler_config.json), and "sd35": the model's sd35.json.
inline constexpr std::string_view kConfigKey = "sd35.config";

// The objects below kConfigKey; none where it is missing. Throws FileError, naming `location`, when it is not
// such an object.
std::map<std::string, nlohmann::json> said_configs(const std::map<std::string, std::string>& metadata,
                                                   const std::string& location);

// The value of kConfigKey.
std::string text_of_configs(const std::map<std::string, nlohmann::json>& configs);

}  // namespace sd35
