// Models and LoRAs by the names that clients use.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sd35::serving {

// A model that a person offers.
struct NamedModel {
  std::string name;
  std::string path;  // or a name in the Hugging Face cache
};

// "NAME=PATH", or a path alone, of which the name is made. Throws ArgumentError for a name that is none.
NamedModel named_model_from_text(const std::string& text);

// Small letters, digits, '.', '-', '_', beginning with a letter or digit; up to 100.
bool is_model_name(std::string_view name);
// The last part of a path in these characters, without the extension of a file of weights.
std::string model_name_of(const std::filesystem::path& path);

// Each entry of a folder that can be a model, in the order of their names. Throws FileError where the folder
// cannot be read.
std::vector<NamedModel> models_in(const std::filesystem::path& folder);

// Files of LoRAs and folders of PEFT and diffusers in a folder, by their stems. Throws FileError where it
// cannot be read.
std::map<std::string, std::filesystem::path> loras_in(const std::filesystem::path& folder);

}  // namespace sd35::serving
