#include "lora/lora_keys.h"

#include <algorithm>
#include <array>

#include "weights/aliases.h"

namespace sd35 {
namespace {

constexpr std::string_view kWeight = ".weight";

struct Ending {
  std::string_view text;
  LoraRole role;
};
constexpr std::array kEndings = {
    Ending{".lora_A.weight", LoraRole::down},
    Ending{".lora_B.weight", LoraRole::up},
    Ending{".lora_A.default.weight", LoraRole::down},
    Ending{".lora_B.default.weight", LoraRole::up},
    Ending{".lora.down.weight", LoraRole::down},
    Ending{".lora.up.weight", LoraRole::up},
    Ending{".lora_linear_layer.down.weight", LoraRole::down},
    Ending{".lora_linear_layer.up.weight", LoraRole::up},
    Ending{".lora_down.weight", LoraRole::down},
    Ending{".lora_up.weight", LoraRole::up},
    Ending{".alpha", LoraRole::alpha},
};

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
    Unsupported{".lora_B.bias", "a bias"},
    Unsupported{".lora_B.default.bias", "a bias"},
    Unsupported{".diff_b", "a bias"},
};
constexpr std::string_view kWholeDifference = ".diff";

// What kohya's names begin with; those of the transformer continue with the original layout.
std::string_view kohya_prefix(Component component) {
  switch (component) {
    case Component::text_encoder:
      return "lora_te1_";
    case Component::text_encoder_2:
      return "lora_te2_";
    case Component::text_encoder_3:
      return "lora_te3_";
    default:
      return "lora_unet_";
  }
}

std::string underscored(std::string_view name) {
  std::string result(name);
  std::ranges::replace(result, '.', '_');
  return result;
}

// Names below the component that diffusers and PEFT give a layer. transformers from version 5 on has no
// "text_model." in CLIP models without projection.
std::vector<std::string> diffusers_names(Component component, const std::string& layer) {
  constexpr std::string_view text_model = "text_model.";
  std::vector<std::string> names = {lora_prefix(component) + layer};
  if (component == Component::transformer) {
    names.push_back(layer);
    names.push_back("lora_transformer_" + underscored(layer));
  }
  if (layer.starts_with(text_model))
    names.push_back(lora_prefix(component) + layer.substr(text_model.size()));
  return names;
}

// The same of a layer of the original layout.
std::vector<std::string> original_names(Component component, const std::string& layer) {
  std::vector<std::string> names = {std::string(original_prefix(component)) + layer,
                                    std::string(kohya_prefix(component)) + underscored(layer)};
  if (component == Component::transformer) {
    names.push_back(layer);
    names.push_back("diffusion_model." + layer);
  }
  return names;
}

bool has_rows_and_columns(std::string_view name, const Shape& shape) {
  return name.ends_with(kWeight) && shape.rank() >= 2;
}

std::string without_ending(std::string_view name) {
  return std::string(name.substr(0, name.size() - kWeight.size()));
}

}  // namespace

std::optional<LoraKey> split_lora_key(std::string_view key) {
  for (const auto& [ending, role] : kEndings)
    if (key.ends_with(ending)) return LoraKey{key.substr(0, key.size() - ending.size()), role};
  return std::nullopt;
}

std::string_view unsupported_in_lora(std::string_view key) {
  for (const auto& [part, what] : kUnsupported)
    if (key.find(part) != key.npos) return what;
  return key.ends_with(kWholeDifference) ? "a difference of full rank" : "";
}

std::map<std::string, LoraLayer, std::less<>> lora_layers(const LoraTargets& targets) {
  std::map<std::string, LoraLayer, std::less<>> layers;
  for (const auto& [component, shapes] : targets) {
    for (const auto& [name, shape] : shapes) {
      if (!has_rows_and_columns(name, shape)) continue;
      const LoraLayer layer{component, shape, {{name, 0, shape[0]}}};
      for (std::string& key : diffusers_names(component, without_ending(name)))
        layers.emplace(std::move(key), layer);
    }
    const std::string_view prefix = original_prefix(component);
    for (const OriginalTensor& original : to_original(component, shapes)) {
      const std::string_view name = std::string_view(original.name).substr(prefix.size());
      if (!has_rows_and_columns(name, original.shape)) continue;
      LoraLayer layer{component, original.shape, {}};
      for (const OriginalTensor::Part& part : original.parts)
        layer.places.push_back({part.name, part.begin, part.end - part.begin});
      for (std::string& key : original_names(component, without_ending(name)))
        layers.emplace(std::move(key), layer);
    }
  }
  return layers;
}

std::string lora_prefix(Component component) { return std::string(folder_of(component)) + "."; }

}  // namespace sd35
