#include "serving/models/model_names.h"

#include <algorithm>
#include <system_error>

#include "core/error.h"
#include "core/messages.h"

namespace sd35::serving {
namespace {

namespace fs = std::filesystem;

bool is_small_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }
bool is_of_names(char c) { return is_small_or_digit(c) || c == '.' || c == '-' || c == '_'; }

bool is_weight_file(const fs::path& path) {
  const std::string extension = path.extension().string();
  return extension == ".safetensors" || extension == ".gguf";
}

std::vector<fs::directory_entry> entries_of(const fs::path& folder) {
  std::error_code error;
  fs::directory_iterator begin(folder, error);
  if (error)
    throw FileError("cannot read the folder " + in_quotes(folder.string()) + ": " + error.message(), {},
                    folder);
  std::vector<fs::directory_entry> entries(begin, fs::directory_iterator());
  std::ranges::sort(entries);
  return entries;
}

bool holds(const fs::path& folder, const char* name) {
  std::error_code ignored;
  return fs::exists(folder / name, ignored);
}

}  // namespace

bool is_model_name(std::string_view name) {
  return !name.empty() && name.size() <= 100 && is_small_or_digit(name[0]) &&
         std::ranges::all_of(name, is_of_names);
}

std::string model_name_of(const fs::path& path) {
  const fs::path last = path.has_filename() ? path.filename() : path.parent_path().filename();
  std::string name = is_weight_file(last) ? last.stem().string() : last.string();
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (!is_of_names(c)) c = '-';
  }
  name.erase(0, std::min(name.find_first_not_of(".-_"), name.size()));
  return name.substr(0, 100);
}

NamedModel named_model_from_text(const std::string& text) {
  const std::size_t equals = text.find('=');
  NamedModel model{text.substr(0, equals), equals == text.npos ? text : text.substr(equals + 1)};
  if (equals == text.npos) model.name = model_name_of(text);
  if (model.path.empty() || !is_model_name(model.name))
    throw ArgumentError(
        "--model takes NAME=PATH, with small letters, digits, '.', '-' and '_' in the name, not " +
        in_quotes(text));
  return model;
}

std::vector<NamedModel> models_in(const fs::path& folder) {
  std::vector<NamedModel> models;
  for (const fs::directory_entry& entry : entries_of(folder)) {
    const bool possible =
        entry.is_directory() ? holds(entry.path(), "model_index.json") : is_weight_file(entry.path());
    const std::string name = model_name_of(entry.path());
    if (possible && is_model_name(name)) models.push_back({name, entry.path().string()});
  }
  return models;
}

std::map<std::string, fs::path> loras_in(const fs::path& folder) {
  std::map<std::string, fs::path> loras;
  for (const fs::directory_entry& entry : entries_of(folder)) {
    const fs::path& path = entry.path();
    if (entry.is_directory()) {
      if (holds(path, "adapter_config.json") || holds(path, "pytorch_lora_weights.safetensors"))
        loras.try_emplace(path.filename().string(), path);
    } else if (path.extension() == ".safetensors") {
      loras.try_emplace(path.stem().string(), path);
    }
  }
  return loras;
}

}  // namespace sd35::serving
