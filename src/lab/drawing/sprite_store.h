// Every sprite of the generator, made once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lab/drawing/drawn_things.h"
#include "lab/drawing/emoji_font.h"
#include "lab/drawing/sprite.h"
#include "lab/drawing/sprite_style.h"

namespace sd35 {

// Keeps up to about 64 MiB of them, then starts afresh. For one thread; a sprite it returned stays valid
// until trim().
class SpriteStore {
 public:
  // A thing of lab/scenes/things.h as it is by nature (empty `colour`) or in a named colour. `pose` matters
  // to the capybara only. Throws FileError when the style's font is not installed.
  const Sprite& thing(SpriteStyle style, std::string_view name, std::string_view colour = {},
                      Pose pose = Pose::side);
  // `body` with the surface `texture`.
  const Sprite& hybrid(SpriteStyle style, std::string_view body, std::string_view texture);

  // Drops everything if there is too much; call between pictures.
  void trim();

 private:
  Sprite make(SpriteStyle style, std::string_view name, std::string_view colour, Pose pose);
  Sprite emoji(SpriteStyle style, char32_t character);
  const Sprite& keep(const std::string& key, Sprite sprite);

  std::optional<EmojiFont> noto_;  // opened when it is first needed
  std::unordered_map<std::string, Sprite> sprites_;
  std::size_t bytes_ = 0;
};

}  // namespace sd35
