#include "weights/model/folder_files.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/file_kind.h"
#include "core/messages.h"
#include "weights/layouts/find_component.h"

namespace sd35 {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnd = ".safetensors", kIndex = ".safetensors.index.json";

std::string stem_of(Component component) {
  const bool diffusers = component == Component::transformer || component == Component::vae;
  return diffusers ? "diffusion_pytorch_model" : "model";
}

// Names of what lies in `folder`, sorted; none where it cannot be read.
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    names.push_back(entry->path().filename().string());
  std::ranges::sort(names);
  return names;
}

bool is_weight_file(std::string_view name) {
  return (name.ends_with(kEnd) || name.ends_with(".gguf")) && !is_shard(name);
}

// "fp16" of "model.fp16.safetensors" and "model.safetensors.index.fp16.json"; nothing for other names.
std::optional<std::string> variant_of(std::string_view name, std::string_view stem) {
  constexpr std::string_view kIndexStart = ".safetensors.index.", kIndexEnd = ".json";
  if (!name.starts_with(stem) || is_shard(name)) return std::nullopt;
  name.remove_prefix(stem.size());
  if (name.starts_with(kIndexStart) && name.ends_with(kIndexEnd)) {
    if (name.size() <= kIndexStart.size() + kIndexEnd.size()) return std::nullopt;
    return std::string(name.substr(kIndexStart.size(), name.size() - kIndexStart.size() - kIndexEnd.size()));
  }
  if (!name.starts_with('.') || !name.ends_with(kEnd) || name.size() <= kEnd.size() + 1) return std::nullopt;
  return std::string(name.substr(1, name.size() - kEnd.size() - 1));
}

// The wider type first, then what is trained rather than its average.
std::size_t rank_of(const std::string& variant) {
  constexpr std::array kOrder = {"fp32", "fp16", "bf16", "non_ema", "ema"};
  return static_cast<std::size_t>(std::ranges::find(kOrder, variant) - kOrder.begin());
}

}  // namespace

bool is_shard(std::string_view name) {
  constexpr std::string_view kOf = "-of-";
  constexpr std::size_t kDigits = 5;
  const std::size_t of = name.find(kOf);
  if (of == name.npos || of < kDigits) return false;
  const std::string_view number = name.substr(of - kDigits, kDigits),
                         count = name.substr(of + kOf.size(), kDigits);
  const auto digits = [](std::string_view text) {
    return text.size() == kDigits && text.find_first_not_of("0123456789") == text.npos;
  };
  return digits(number) && digits(count) && count != "00001";
}

std::string weight_name(Component component) { return stem_of(component) + std::string(kEnd); }

fs::path find_weights(Component component, const fs::path& folder) {
  const std::vector<std::string> names = names_in(folder);
  const std::string stem = stem_of(component);
  for (const std::string_view end : {kEnd, kIndex})
    if (std::ranges::binary_search(names, stem + std::string(end))) return folder / (stem + std::string(end));
  std::vector<std::tuple<std::size_t, std::string, std::string>> variants;
  for (const std::string& name : names)
    if (const auto variant = variant_of(name, stem)) variants.emplace_back(rank_of(*variant), *variant, name);
  if (!variants.empty()) return folder / std::get<2>(*std::ranges::min_element(variants));
  if (std::ranges::count_if(names, is_weight_file) != 1) return {};
  return folder / *std::ranges::find_if(names, is_weight_file);
}

std::string in_place_of_weights(const fs::path& folder) {
  const std::vector<std::string> names = names_in(folder);
  if (const auto shard = std::ranges::find_if(names, is_shard); shard != names.end())
    return " (there is the shard " + in_quotes(*shard) + ", but no index of shards)";
  for (const std::string& name : names)
    for (const std::string_view end : {".bin", ".ckpt", ".pt", ".pth", ".msgpack", ".h5", ".onnx"})
      if (name.ends_with(end)) {
        const std::string kind = file_kind(folder / name);
        return " (there is " + in_quotes(name) +
               (kind.empty() ? ", which is not read; convert it to safetensors)" : ", " + kind + ")");
      }
  const auto files = std::ranges::count_if(names, is_weight_file);
  return files > 1 ? " (there are " + std::to_string(files) + " other files of weights; name one)" : "";
}

std::string other_folder(const fs::path& folder) {
  const std::vector<std::string> names = names_in(folder);
  for (const Component component : kComponents)
    if (folder.filename() == folder_of(component) && !find_weights(component, folder).empty())
      return "it is the folder of one component; name it as " + std::string(option_of(component));
  const auto file = std::ranges::find_if(names, is_weight_file);
  return file == names.end() ? "" : "it holds " + in_quotes(*file) + "; name that file";
}

}  // namespace sd35
