#include "weights/component_weights.h"

#include <algorithm>
#include <array>

#include "core/error.h"
#include "core/messages.h"
#include "weights/aliases.h"
#include "weights/four_bit.h"
#include "weights/gguf.h"
#include "weights/safetensors.h"
#include "weights/scaled_fp8.h"

namespace sd35 {
namespace {

// Tensors of text encoders that take no part in encoding text: a constant 0, 1, 2, ... of old versions, and
// the temperature of CLIP's training.
constexpr std::array<std::string_view, 2> kIgnored = {"text_model.embeddings.position_ids", "logit_scale"};

// T5 shares one table between the encoder and (in the full model) the decoder; files hold it under either
// name or both.
constexpr std::string_view kTable = "shared.weight", kTableCopy = "encoder.embed_tokens.weight";

constexpr std::string_view kEncoders = "text_encoders.";

// A logit scale lies beside "transformer." in files with everything: "text_encoders.clip_l.logit_scale".
bool is_ignored_in_single_file(std::string_view name) {
  return name.starts_with(kEncoders) && name.ends_with(".logit_scale");
}

bool is_text_encoder(Component component) {
  return component != Component::transformer && component != Component::vae;
}

StoredTensors below_prefix(const StoredTensors& tensors, std::string_view prefix) {
  StoredTensors result;
  for (auto it = tensors.lower_bound(prefix); it != tensors.end() && it->first.starts_with(prefix); ++it)
    result.emplace(it->first.substr(prefix.size()), it->second);
  return result;
}

void drop_unbound(StoredTensors& tensors) {
  for (const std::string_view name : kIgnored)
    if (const auto it = tensors.find(name); it != tensors.end()) tensors.erase(it);
  if (auto copy = tensors.extract(std::string(kTableCopy))) {
    copy.key() = std::string(kTable);
    tensors.insert(std::move(copy));  // nothing happens where the table is there
  }
}

}  // namespace

StoredTensors read_weight_file(const std::filesystem::path& path) {
  if (is_gguf(path)) {
    StoredTensors tensors = read_gguf(path).tensors;
    restore_names(tensors, path.string());
    return tensors;
  }
  StoredTensors tensors =
      (path.extension() == ".json" ? read_sharded_safetensors(path) : read_safetensors(path)).tensors;
  apply_fp8_scales(tensors, path.string());
  fold_four_bit(tensors, path.string());
  return tensors;
}

std::vector<Component> components_of(const StoredTensors& tensors, const std::string& location) {
  std::vector<Component> found;
  ProblemList strays;
  for (const auto& [name, tensor] : tensors) {
    const auto component = std::ranges::find_if(kComponents, [&name = name](Component candidate) {
      return name.starts_with(original_prefix(candidate));
    });
    if (component == kComponents.end()) {
      if (!is_ignored_in_single_file(name)) strays.add(in_quotes(name));
    } else if (std::ranges::find(found, *component) == found.end()) {
      found.push_back(*component);
    }
  }
  if (!found.empty() && strays.count() > 0)
    throw FileError(location + ": " + std::to_string(strays.count()) +
                    " tensors belong to no part of Stable Diffusion 3.5: " + strays.text());
  return found;
}

std::shared_ptr<const WeightSource> component_weights(Component component, StoredTensors tensors,
                                                      bool original, const std::string& location) {
  if (original) tensors = below_prefix(tensors, original_prefix(component));
  tensors = from_original(component, tensors, location);
  if (is_text_encoder(component)) drop_unbound(tensors);
  // CLIP-L's projection is the identity and may be left out; CLIP-G's is not.
  if (component == Component::text_encoder_2 && !tensors.contains("text_projection.weight"))
    throw FileError(location +
                    ": tensor 'text_projection.weight' of CLIP-G is missing; use the clip_g.safetensors of "
                    "Stable Diffusion 3.5");
  return std::make_shared<StoredWeights>(location, std::move(tensors));
}

}  // namespace sd35
