// The layout of one scene in a picture: where each thing goes. Units: the shorter side of the picture.
#pragma once

#include <optional>
#include <vector>

#include "lab/drawing/scene_renderer.h"
#include "lab/drawing/signs.h"
#include "lab/drawing/sprite_store.h"
#include "lab/scenes/scene_random.h"

namespace sd35 {

class Composition {
 public:
  Composition(cairo_t* cr, SpriteStore& sprites, SpriteStyle style, Lettering& lettering, const Scene& scene,
              int width, int height);

  // Draws everything and returns where it went.
  std::vector<Placement> draw();
  // Letters of the sign that draw() drew.
  const std::vector<Letter>& letters() const { return letters_; }
  // In pixels; none if nothing is written.
  std::optional<double> capital_height() const { return capital_height_; }

 private:
  void draw_single();
  void draw_count();
  void draw_position();
  void draw_hybrid();
  void draw_wearing();
  void draw_holding();
  void draw_standing();
  void draw_words();
  void draw_lone_sign();
  void draw_held_sign();
  void draw_worn_sign();

  // Draws it on its shadow and records its place.
  void draw_thing(const Item& item, const Sprite& sprite, const Box& box, bool mirrored, double angle);
  // The same, as large as the box allows.
  void draw_item(const Item& item, const Box& box);
  void draw_sign(const SignLayout& layout, double x, double y, double angle, double ground);
  // The two paws of whoever holds something, at the height `y`, `spread` to the left and right of `x`.
  void draw_paws(Rgb fur, double x, double y, double spread);
  void note(const std::string& name, const Box& box);
  const Sprite& sprite(const Item& item, Pose pose = Pose::side);
  double size_of(const Item& item) const;

  cairo_t* cr_;
  SpriteStore& sprites_;
  SpriteStyle style_;
  const Scene& scene_;
  double unit_;   // pixels
  double width_;  // units
  double height_;
  double floor_ = 0;  // where the background's begins
  SceneRandom random_;
  SignPainter signs_;
  std::vector<Placement> placements_;
  std::vector<Letter> letters_;
  std::optional<double> capital_height_;
};

}  // namespace sd35
