#include "lab/drawing/sprite_store.h"

#include "core/error.h"
#include "lab/drawing/fluent_emoji.h"
#include "lab/drawing/textures.h"
#include "lab/scenes/things.h"

namespace sd35 {
namespace {

constexpr std::size_t kMostBytes = 64u << 20;
constexpr int kDrawnSide = 256;
constexpr Rgb kFur{178, 118, 70};  // of a capybara in its natural colour

Rgb rgb_of(std::string_view colour) {
  const std::optional<NamedColour> named = find_colour(colour);
  if (!named) throw ArgumentError("no colour is named '" + std::string(colour) + "'");
  return named->rgb;
}

std::string key_of(SpriteStyle style, std::string_view name) {
  return std::to_string(static_cast<int>(style)) + std::string(name);
}

Sprite drawn(std::string_view name, Rgb colour, Pose pose) {
  const Surface surface = make_surface(kDrawnSide, kDrawnSide);
  {
    const Context context = make_context(surface);
    cairo_scale(context.get(), kDrawnSide, kDrawnSide);
    if (name == "capybara")
      draw_capybara(context.get(), pose, colour);
    else
      draw_object(context.get(), name, colour);
  }
  return make_sprite(surface);
}

}  // namespace

Sprite SpriteStore::emoji(SpriteStyle style, char32_t character) {
  if (style == SpriteStyle::fluent)
    if (const std::optional<Surface> picture = fluent_picture(character)) return make_sprite(*picture);
  if (!noto_) noto_.emplace();
  return make_sprite(noto_->picture(character));
}

Sprite SpriteStore::make(SpriteStyle style, std::string_view name, std::string_view colour, Pose pose) {
  const Thing& thing = thing_named(name);
  if (thing.emoji == 0) {
    const Rgb natural = name == "capybara" ? kFur : rgb_of(thing.colour);
    return drawn(name, colour.empty() ? natural : rgb_of(colour), pose);
  }
  Sprite natural = emoji(style, thing.emoji);
  return colour.empty() ? std::move(natural) : tinted(natural, rgb_of(colour));
}

const Sprite& SpriteStore::keep(const std::string& key, Sprite sprite) {
  bytes_ += static_cast<std::size_t>(sprite.width) * static_cast<std::size_t>(sprite.height) * 4;
  return sprites_.emplace(key, std::move(sprite)).first->second;
}

const Sprite& SpriteStore::thing(SpriteStyle style, std::string_view name, std::string_view colour,
                                 Pose pose) {
  const std::string key =
      key_of(style, name) + "|" + std::string(colour) + "|" + std::to_string(static_cast<int>(pose));
  if (const auto found = sprites_.find(key); found != sprites_.end()) return found->second;
  return keep(key, make(style, name, colour, pose));
}

const Sprite& SpriteStore::hybrid(SpriteStyle style, std::string_view body, std::string_view texture) {
  const std::string key = key_of(style, body) + "||" + std::string(texture);
  if (const auto found = sprites_.find(key); found != sprites_.end()) return found->second;
  return keep(key, covered(thing(style, body), draw_texture(texture)));
}

void SpriteStore::trim() {
  if (bytes_ <= kMostBytes) return;
  sprites_.clear();
  bytes_ = 0;
}

}  // namespace sd35
