#include "lab/drawing/scene_renderer.h"

#include <algorithm>

#include "core/error.h"
#include "lab/drawing/composition.h"

namespace sd35 {

void check_picture_size(int width, int height) {
  const int shorter = std::min(width, height);
  const int longer = std::max(width, height);
  if (shorter >= kSmallestPicture && longer <= kLargestPicture && longer <= 4 * shorter) return;
  throw ArgumentError("scenes are drawn with sides of " + std::to_string(kSmallestPicture) + " to " +
                      std::to_string(kLargestPicture) + ", neither more than four times the other; not " +
                      std::to_string(width) + " x " + std::to_string(height));
}

struct SceneRenderer::State {
  SpriteShares shares;
  SpriteStore sprites;
  Lettering lettering;
};

SceneRenderer::SceneRenderer(const SpriteShares& sprites) : state_(std::make_unique<State>()) {
  state_->shares = sprites;
  // Missing fonts are reported before the work, not at the first picture that needs them.
  if (sprites[static_cast<std::size_t>(SpriteStyle::noto)] > 0) EmojiFont();
}
SceneRenderer::~SceneRenderer() = default;

Rendering SceneRenderer::render(const Scene& scene, int width, int height) {
  check_picture_size(width, height);
  const Surface surface = make_surface(width, height);
  Rendering rendering;
  {
    const Context context = make_context(surface);
    const SpriteStyle style = style_of_scene(state_->shares, scene.layout_seed);
    Composition composition(context.get(), state_->sprites, style, state_->lettering, scene, width, height);
    rendering.placements = composition.draw();
    rendering.letters = composition.letters();
    rendering.capital_height = composition.capital_height();
  }
  rendering.image = image_of(surface);
  state_->sprites.trim();
  return rendering;
}

}  // namespace sd35
