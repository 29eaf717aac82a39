// Scenes to pictures.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "image/image.h"
#include "lab/drawing/placement.h"
#include "lab/drawing/sprite_style.h"
#include "lab/scenes/scene.h"

namespace sd35 {

struct Rendering {
  Image image;
  std::vector<Placement> placements;
  std::optional<double> capital_height;  // of the sign's text, in pixels
  std::vector<Letter> letters;           // of the sign; what stands in front of it may cover some
};

inline constexpr int kSmallestPicture = 32;
inline constexpr int kLargestPicture = 2048;

// Throws ArgumentError unless both sides are in [kSmallestPicture, kLargestPicture] and neither is more than
// four times the other.
void check_picture_size(int width, int height);

// Draws scenes; keeps fonts and scaled things. One per thread.
class SceneRenderer {
 public:
  // Throws FileError naming the package when the font of the emoji is not installed and `sprites` has a share
  // of it. A sign's typeface is looked up when the sign is drawn.
  explicit SceneRenderer(const SpriteShares& sprites = kFluentOnly);
  ~SceneRenderer();
  SceneRenderer(const SceneRenderer&) = delete;
  SceneRenderer& operator=(const SceneRenderer&) = delete;

  // A pure function of its arguments, the shares and the fonts: the scene laid out for this size and drawn at
  // it. Throws ArgumentError for a size that check_picture_size() refuses.
  Rendering render(const Scene& scene, int width, int height);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sd35
