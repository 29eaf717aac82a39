// Where the pictures of things come from.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sd35 {

enum class SpriteStyle : std::uint8_t {
  fluent,  // Fluent Emoji 3D, which is built in
  noto     // Noto Color Emoji, a font that has to be installed
};
inline constexpr std::size_t kSpriteStyles = 2;

// Relative frequencies by style.
using SpriteShares = std::array<double, kSpriteStyles>;
inline constexpr SpriteShares kFluentOnly = {1, 0};

// "noto", or "fluent=0.9,noto=0.1": styles that are not named are not used. Throws ArgumentError for anything
// else and if no share is above 0.
SpriteShares parse_sprites(std::string_view text);

// The style of a whole picture, a function of its scene's `layout_seed`.
SpriteStyle style_of_scene(const SpriteShares& shares, std::uint64_t layout_seed);

}  // namespace sd35
