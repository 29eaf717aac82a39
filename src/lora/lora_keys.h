// The keys of LoRA files, and what in the model they mean.
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
  std::string_view layer;  // the key without its ending
  LoraRole role;
};

// The parts of a key by its ending; nothing for an ending that no LoRA has.
std::optional<LoraKey> split_lora_key(std::string_view key);

// What a key holds that is no plain LoRA of a linear layer ("DoRA", "LoKr", "a bias", ...); empty for others.
std::string_view unsupported_in_lora(std::string_view key);

// Rows of a weight in the diffusers layout that rows of an update go to.
struct LoraPlace {
  std::string weight;
  std::int64_t first_row = 0, rows = 0;
};

// A layer as files name it: the rows of its update go to these places, one after another.
struct LoraLayer {
  Component component = Component::transformer;
  Shape shape;  // of its weight: [out, in], or that of a convolution
  std::vector<LoraPlace> places;
};

// Every name that a file may have for a layer of `targets`: "transformer.transformer_blocks.0.attn.to_q",
// "lora_unet_joint_blocks_0_x_block_attn_qkv", ...
std::map<std::string, LoraLayer, std::less<>> lora_layers(const LoraTargets& targets);

// "transformer.": what names of diffusers and PEFT begin with.
std::string lora_prefix(Component component);

}  // namespace sd35
