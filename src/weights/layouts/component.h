// The parts of a model that have weights.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sd35 {

enum class Component : std::uint8_t {
  text_encoder,    // CLIP-L
  text_encoder_2,  // CLIP-G
  text_encoder_3,  // T5-XXL
  transformer,     // MMDiT-X
  vae,
};

// In the order of the data flow.
inline constexpr std::array kComponents = {Component::text_encoder, Component::text_encoder_2,
                                           Component::text_encoder_3, Component::transformer, Component::vae};

// The folder of the diffusers layout: "transformer", "text_encoder_2", ...
std::string_view folder_of(Component component);

// What the names of the original layout (one file with everything) begin with: "model.diffusion_model.", ...
std::string_view original_prefix(Component component);

}  // namespace sd35
