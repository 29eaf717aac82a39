// The keys of LoRA files, and what they stand for in the model.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lora/lora_file.h"

namespace sd35 {

enum class LoraRole : std::uint8_t { down, up, alpha };

struct LoraKey {
  std::string_view layer;  // the key without its suffix
  LoraRole role;
};

// The parts of a key by its suffix; nothing for a suffix that no LoRA has.
std::optional<LoraKey> split_lora_key(std::string_view key);

// What a key holds if not a plain LoRA of a linear layer ("DoRA", "LoKr", "a bias", ...); empty for others.
std::string_view unsupported_in_lora(std::string_view key);

// Rows of a weight in the diffusers layout that rows of an update go to.
struct LoraPlace {
  std::string weight;
  std::int64_t first_row = 0, rows = 0;
};

// A layer in one of the two layouts: the rows of its update go to these places, one after another.
struct LoraLayer {
  Component component = Component::transformer;
  std::string name;  // below the component, with dots: "transformer_blocks.0.attn.to_q"
  Shape shape;       // of its weight: [out, in], or that of a convolution
  std::vector<LoraPlace> places;
};

// The layers of `targets`, by every name that files have for them.
class LoraLayers {
 public:
  explicit LoraLayers(const LoraTargets& targets);

  // The layer that a key without its suffix names, null if there is none: a name of either layout, with dots
  // or underscores, after any number of the prefixes that trainers and programs are known to add:
  // "transformer.transformer_blocks.0.attn.to_q", "lora_unet_joint_blocks_0_x_block_attn_qkv",
  // "base_model.model.text_encoder.text_model.encoder.layers.0.mlp.fc1". Without a component's name: the
  // transformer's.
  const LoraLayer* find(std::string_view name) const;

 private:
  void add(LoraLayer layer);

  std::map<Component, std::map<std::string, LoraLayer, std::less<>>> layers_;  // by underscored names
};

// "transformer.": what names of diffusers and PEFT begin with.
std::string lora_prefix(Component component);

}  // namespace sd35
