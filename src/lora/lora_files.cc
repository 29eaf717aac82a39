#include "lora/lora_files.h"

#include <system_error>

#include "core/error.h"
#include "weights/model/hub_cache.h"

namespace sd35 {
namespace {

constexpr const char *kOfPeft = "adapter_model.safetensors", *kConfig = "adapter_config.json",
                     *kOfDiffusers = "pytorch_lora_weights.safetensors", *kPickled = "adapter_model.bin";

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

}  // namespace

std::filesystem::path adapter_config_of(const std::filesystem::path& file) {
  return file.filename() == kOfPeft ? file.parent_path() / kConfig : "";
}

std::filesystem::path lora_weights_file(const std::filesystem::path& lora) {
  std::filesystem::path folder = lora;
  if (!is_there(lora) && is_hub_name(lora.string())) folder = find_in_hub_cache(lora.string()).value_or(lora);
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) return folder;
  for (const char* name : {kOfPeft, kOfDiffusers})
    if (is_there(folder / name)) return folder / name;
  const std::string what = is_there(folder / kPickled)
                               ? std::string(" is pickled by torch; save it with safe_serialization=True")
                               : std::string(": a folder of a LoRA holds ") + kOfPeft + " or " + kOfDiffusers;
  throw FileError((is_there(folder / kPickled) ? folder / kPickled : folder).string() + what, {}, folder);
}

std::vector<std::filesystem::path> lora_files(const std::filesystem::path& lora) {
  std::vector<std::filesystem::path> files{lora_weights_file(lora)};
  if (const auto config = adapter_config_of(files[0]); !config.empty() && is_there(config))
    files.push_back(config);
  return files;
}

}  // namespace sd35
