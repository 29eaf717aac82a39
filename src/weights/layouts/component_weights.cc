#include "weights/layouts/component_weights.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <system_error>

#include "core/error.h"
#include "core/messages.h"
#include "weights/files/gguf.h"
#include "weights/files/safetensors.h"
#include "weights/layouts/aliases.h"
#include "weights/layouts/find_component.h"
#include "weights/layouts/foreign_quantization.h"
#include "weights/layouts/four_bit.h"
#include "weights/layouts/plain_names.h"
#include "weights/layouts/scaled_fp8.h"
#include "weights/layouts/tiny_autoencoder_names.h"
#include "weights/model/folder_files.h"

namespace sd35 {
namespace {

// Of text encoders: a constant 0, 1, 2, ... of old versions.
constexpr std::string_view kPositions = "text_model.embeddings.position_ids";

// T5 shares one table between the encoder and (in the full model) the decoder; files hold it under either
// name or both.
constexpr std::string_view kTable = "shared.weight", kTableCopy = "encoder.embed_tokens.weight";

bool is_text_encoder(Component component) {
  return component != Component::transformer && component != Component::vae;
}

// Counters and markers of training and of quantization: no weight of a layer is a single number.
bool is_marker(const std::string& name, const StoredTensor& tensor) {
  return tensor.shape.numel() <= 1 && !name.ends_with(".weight") && !name.ends_with(".bias");
}

StoredTensors part_of(Component component, const StoredTensors& tensors, const std::string& prefix) {
  StoredTensors result;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix); ++it) {
    std::string name = it->first.substr(prefix.size());
    if (is_inside(component, name) && !is_marker(name, it->second))
      result.emplace(std::move(name), it->second);
  }
  return result;
}

void warn_of_strays(Component component, const StoredTensors& tensors, const std::string& prefix,
                    const std::string& location, const WarningFunction& warn) {
  if (!warn) return;
  ComponentPrefixes found = find_components(tensors);
  if (!found.contains(component)) found.clear();  // a CLIP alone that was named as the other one
  found[component] = prefix;
  ProblemList list;
  for (const std::string& name : strays(tensors, found)) list.add(in_quotes(name));
  if (list.count() == 0) return;
  warn(location + ": " + std::to_string(list.count()) +
       (list.count() == 1 ? " tensor that belongs" : " tensors that belong") +
       " to no part of Stable Diffusion 3.5 " + (list.count() == 1 ? "is" : "are") +
       " left out: " + list.text());
}

void drop_unbound(StoredTensors& tensors) {
  if (const auto it = tensors.find(kPositions); it != tensors.end()) tensors.erase(it);
  if (auto copy = tensors.extract(std::string(kTableCopy))) {
    copy.key() = std::string(kTable);
    tensors.insert(std::move(copy));  // does nothing if the table is there
  }
}

// Whether none of the files that hold its tensors has changed since.
bool is_current(const WeightFile& file) {
  std::set<const MappedFile*> seen;
  return std::ranges::all_of(file.tensors, [&](const auto& tensor) {
    const MappedFile* const mapped = tensor.second.file.get();
    return mapped == nullptr || !seen.insert(mapped).second || mapped->is_current();
  });
}

}  // namespace

WeightFile read_weight_file(const std::filesystem::path& path) {
  const std::string location = path.string();
  if (is_shard(path.filename().string()))
    throw FileError(location + ": it is one of several shards; name the folder or the index of them", {},
                    location);
  WeightFile result;
  if (is_gguf(path)) {
    GgufFile file = read_gguf(path);
    restore_names(file.tensors, location);
    result = {std::move(file.tensors), std::move(file.metadata), {}};
  } else if (path.extension() == ".json") {
    SafetensorsFile shards = read_sharded_safetensors(
        path, [&](const std::string& warning) { result.warnings.push_back(warning); });
    result.tensors = std::move(shards.tensors);
    result.metadata = std::move(shards.metadata);
  } else {
    SafetensorsFile file = read_safetensors(path);
    result = {std::move(file.tensors), std::move(file.metadata), {}};
  }
  apply_fp8_scales(result.tensors, location);
  fold_four_bit(result.tensors, location);
  make_names_plain(result.tensors, location);
  name_tiny_autoencoder(result.tensors);
  return result;
}

std::shared_ptr<const WeightFile> open_weight_file(const std::filesystem::path& path) {
  static std::mutex mutex;
  static auto* const opened = new std::map<std::string, std::weak_ptr<const WeightFile>>;
  if (path.extension() == ".json") return std::make_shared<const WeightFile>(read_weight_file(path));
  const std::lock_guard lock(mutex);
  std::erase_if(*opened, [](const auto& entry) { return entry.second.expired(); });
  std::error_code ignored;
  const std::string name = std::filesystem::absolute(path, ignored).lexically_normal().string();
  if (const auto found = opened->find(name); found != opened->end())
    if (auto file = found->second.lock(); file && is_current(*file)) return file;
  auto file = std::make_shared<const WeightFile>(read_weight_file(path));
  opened->insert_or_assign(name, file);
  return file;
}

std::shared_ptr<const WeightSource> component_weights(Component component,
                                                      const std::shared_ptr<const WeightFile>& file,
                                                      const std::string& location,
                                                      const WarningFunction& warn) {
  const StoredTensors& tensors = file->tensors;
  const std::string prefix = find_component(component, tensors, location);
  warn_of_strays(component, tensors, prefix, location, warn);
  StoredTensors part = part_of(component, tensors, prefix);
  check_quantization(part, location);
  part = from_original(component, part, location);
  if (is_text_encoder(component)) drop_unbound(part);
  // CLIP-L's projection is the identity and may be left out; CLIP-G's is not.
  if (component == Component::text_encoder_2 && !part.contains("text_projection.weight"))
    throw FileError(
        location +
            ": tensor 'text_projection.weight' of CLIP-G is missing; use the clip_g.safetensors of "
            "Stable Diffusion 3.5",
        {}, location);
  return std::make_shared<StoredWeights>(location, std::move(part), file);
}

}  // namespace sd35
