#include "lora/lora_keys.h"

#include <algorithm>
#include <array>

#include "weights/layouts/aliases.h"

namespace sd35 {
namespace {

constexpr std::string_view kWeight = ".weight";
constexpr std::string_view kAlpha = ".alpha";
constexpr std::size_t kLongestName = 1000;  // the time of a look-up grows with its square

struct KeySuffix {
  std::string_view text;
  LoraRole role;
};
// They come before ".weight", which loralib leaves out, and before the name of an adapter, which PEFT
// inserts.
constexpr std::array kKeySuffixes = {
    KeySuffix{".lora_A", LoraRole::down},
    KeySuffix{".lora_B", LoraRole::up},
    KeySuffix{".lora.down", LoraRole::down},
    KeySuffix{".lora.up", LoraRole::up},
    KeySuffix{".lora_linear_layer.down", LoraRole::down},
    KeySuffix{".lora_linear_layer.up", LoraRole::up},
    KeySuffix{".lora_down", LoraRole::down},
    KeySuffix{".lora_up", LoraRole::up},
    KeySuffix{"_lora.down", LoraRole::down},  // ".processor.to_q_lora.down.weight"
    KeySuffix{"_lora.up", LoraRole::up},
};

std::optional<LoraKey> split_at_suffix(std::string_view name) {
  for (const auto& [suffix, role] : kKeySuffixes)
    if (name.ends_with(suffix)) return LoraKey{name.substr(0, name.size() - suffix.size()), role};
  return std::nullopt;
}

// What keys of other kinds of updates have in them.
struct Unsupported {
  std::string_view part, what;
};
constexpr std::array kUnsupported = {
    Unsupported{".dora_scale", "DoRA"},
    Unsupported{".lora_magnitude_vector", "DoRA"},
    Unsupported{".lokr_", "LoKr"},
    Unsupported{".hada_", "LoHa"},
    Unsupported{".oft_", "OFT"},
    Unsupported{".lora_mid.", "LoRA of a convolution"},
    Unsupported{".lora_embedding_", "LoRA of an embedding"},
    Unsupported{".diff_b", "a bias"},
};
constexpr std::string_view kWholeDifference = ".diff";

// Words that trainers and programs put before the name of a layer, in any number and order:
// "base_model.model.", "diffusion_model.", "lora_unet_", "transformer._orig_mod.", "lycoris_". A name is
// looked up before its first word is removed, so "transformer_blocks" keeps its own.
constexpr std::array<std::string_view, 22> kWords = {
    "base",  "model",   "diffusion", "transformer", "unet",    "dit", "mmdit",    "sd3",
    "lora",  "lycoris", "peft",      "default",     "network", "net", "denoiser", "ema",
    "inner", "pipe",    "pipeline",  "module",      "orig",    "mod",
};

// Wrappers of modules inside a model, which appear in the middle of names as well, as underscored() spells
// them between two underscores. "processor" once held the LoRA of an attention.
constexpr std::array<std::string_view, 5> kWrappers = {"__checkpoint_wrapped_module", "__fsdp_wrapped_module",
                                                       "__orig_mod", "_module", "_processor"};

std::string underscored(std::string_view name) {
  std::string result(name);
  std::ranges::replace(result, '.', '_');
  return result;
}

// A name without its dots and without what wraps modules.
std::string plain(std::string_view name) {
  std::string result = "_" + underscored(name) + "_";
  for (const std::string_view wrapper : kWrappers) {
    const std::string whole = std::string(wrapper) + "_";
    for (std::size_t at = 0; (at = result.find(whole, at)) != result.npos;) result.erase(at, wrapper.size());
  }
  return result.substr(1, result.size() - 2);
}

// What the names of a component's layers begin with, underscored; kohya's "te1" comes after "lora".
struct Prefix {
  std::string text;
  Component component;
};
const std::vector<Prefix>& component_prefixes() {
  static const std::vector<Prefix> prefixes = [] {
    std::vector<Prefix> list = {{"te1_", Component::text_encoder},
                                {"te2_", Component::text_encoder_2},
                                {"te3_", Component::text_encoder_3}};
    for (const Component component :
         {Component::text_encoder_3, Component::text_encoder_2, Component::text_encoder}) {
      list.push_back({underscored(lora_prefix(component)), component});
      list.push_back({underscored(original_prefix(component)), component});
    }
    return list;
  }();
  return prefixes;
}

// Takes one word, or the prefix of a component, off the front of `name`; false when it begins with neither.
bool take_off(std::string_view& name, Component& component) {
  for (const Prefix& prefix : component_prefixes())
    if (name.starts_with(prefix.text)) {
      component = prefix.component;
      name.remove_prefix(prefix.text.size());
      return true;
    }
  const std::size_t end = name.find('_');
  if (end == name.npos) return false;
  const bool known = end == 0 || std::ranges::find(kWords, name.substr(0, end)) != kWords.end();
  if (known) name.remove_prefix(end + 1);
  return known;
}

bool has_rows_and_columns(std::string_view name, const Shape& shape) {
  return name.ends_with(kWeight) && shape.rank() >= 2;
}

std::string without_ending(std::string_view name) {
  return std::string(name.substr(0, name.size() - kWeight.size()));
}

}  // namespace

std::optional<LoraKey> split_lora_key(std::string_view key) {
  if (key.ends_with(kAlpha)) return LoraKey{key.substr(0, key.size() - kAlpha.size()), LoraRole::alpha};
  if (key.ends_with(kWeight)) key.remove_suffix(kWeight.size());
  if (const auto found = split_at_suffix(key)) return found;
  return split_at_suffix(key.substr(0, std::min(key.rfind('.'), key.size())));  // without an adapter's name
}

std::string_view unsupported_in_lora(std::string_view key) {
  for (const auto& [part, what] : kUnsupported)
    if (key.find(part) != key.npos) return what;
  if (key.ends_with(".bias") && key.find(".lora_") != key.npos) return "a bias";
  return key.ends_with(kWholeDifference) ? "a difference of full rank" : "";
}

LoraLayers::LoraLayers(const LoraTargets& targets) {
  for (const auto& [component, shapes] : targets) {
    for (const auto& [name, shape] : shapes)
      if (has_rows_and_columns(name, shape))
        add({component, without_ending(name), shape, {{name, 0, shape[0]}}});
    const std::string_view prefix = original_prefix(component);
    for (const OriginalTensor& original : to_original(component, shapes)) {
      const std::string_view name = std::string_view(original.name).substr(prefix.size());
      if (!has_rows_and_columns(name, original.shape)) continue;
      LoraLayer layer{component, without_ending(name), original.shape, {}};
      for (const OriginalTensor::Part& part : original.parts)
        layer.places.push_back({part.name, part.begin, part.end - part.begin});
      add(std::move(layer));
    }
  }
}

void LoraLayers::add(LoraLayer layer) {
  constexpr std::string_view text_model = "text_model.";
  auto& layers = layers_[layer.component];
  // transformers from version 5 on has no "text_model." in CLIP models without projection.
  if (layer.name.starts_with(text_model))
    layers.emplace(underscored(layer.name.substr(text_model.size())), layer);
  std::string key = underscored(layer.name);
  layers.emplace(std::move(key), std::move(layer));
}

const LoraLayer* LoraLayers::find(std::string_view name) const {
  if (name.size() > kLongestName) return nullptr;
  const std::string whole = plain(name);
  std::string_view rest = whole;
  Component component = Component::transformer;
  do {
    const auto layers = layers_.find(component);
    if (layers == layers_.end()) continue;
    if (const auto found = layers->second.find(rest); found != layers->second.end()) return &found->second;
  } while (take_off(rest, component));
  return nullptr;
}

std::string lora_prefix(Component component) { return std::string(folder_of(component)) + "."; }

}  // namespace sd35
