#include "lab/drawing/composition.h"

#include <algorithm>
#include <cmath>

#include "lab/drawing/backgrounds.h"
#include "lab/drawing/heads.h"
#include "lab/drawing/paws.h"
#include "lab/drawing/shadows.h"
#include "lab/drawing/shapes.h"
#include "lab/scenes/things.h"

namespace sd35 {
namespace {

bool faces_sideways(const Item& item) {
  if (item.shape) return false;
  const Group group = thing_named(item.name).group;
  return group == Group::animal || group == Group::vehicle;
}

}  // namespace

Composition::Composition(cairo_t* cr, SpriteStore& sprites, SpriteStyle style, Lettering& lettering,
                         const Scene& scene, int width, int height)
    : cr_(cr),
      sprites_(sprites),
      style_(style),
      scene_(scene),
      unit_(std::min(width, height)),
      width_(width / unit_),
      height_(height / unit_),
      random_(scene.layout_seed, 0),
      signs_(lettering, unit_) {
  cairo_scale(cr, unit_, unit_);
}

std::vector<Placement> Composition::draw() {
  floor_ = draw_background(cr_, scene_.background, width_, height_, random_);
  switch (scene_.kind) {
    case SceneKind::words:
      draw_words();
      break;
    case SceneKind::position:
      draw_position();
      break;
    case SceneKind::count:
      draw_count();
      break;
    case SceneKind::hybrid:
      draw_hybrid();
      break;
    case SceneKind::wearing:
      draw_wearing();
      break;
    case SceneKind::holding:
      draw_holding();
      break;
    case SceneKind::standing:
      draw_standing();
      break;
    default:
      draw_single();
  }
  return std::move(placements_);
}

void Composition::note(const std::string& name, const Box& box) {
  placements_.push_back({name, box.x * unit_, box.y * unit_, box.width * unit_, box.height * unit_});
}

const Sprite& Composition::sprite(const Item& item, Pose pose) {
  return sprites_.thing(style_, item.name, item.colour, pose);
}

double Composition::size_of(const Item& item) const {
  if (item.size == ItemSize::small) return 0.34;
  return item.size == ItemSize::big ? 0.88 : 0.66;
}

void Composition::draw_thing(const Item& item, const Sprite& sprite, const Box& box, bool mirrored,
                             double angle) {
  draw_contact_shadow(cr_, sprite, fitted(sprite, box), mirrored);
  note(item.name, draw_sprite(cr_, sprite, box, mirrored, angle));
}

void Composition::draw_item(const Item& item, const Box& box) {
  if (item.shape) {
    const double side = std::min(box.width, box.height);
    const Box square = box_around(box.centre_x(), box.centre_y(), side);
    const ShapeFoot foot = shape_foot(item.name, square);
    draw_contact_shadow(cr_, foot.left - 0.02, foot.right + 0.02, foot.y);
    draw_shape(cr_, item.name, square, find_colour(item.colour).value().rgb);
    note(item.name, square);
    return;
  }
  const bool mirrored = faces_sideways(item) && random_.chance(0.4);
  draw_thing(item, sprite(item), box, mirrored, random_.between(-0.05, 0.05));
}

void Composition::draw_single() {
  const double side = size_of(scene_.items[0]) * random_.between(0.92, 1.05);
  const double room_x = std::max(0.0, width_ - side - 0.06) / 2;
  const double room_y = std::max(0.0, height_ - side - 0.06) / 2;
  const double x = width_ / 2 + room_x * random_.between(-0.5, 0.5);
  double y = height_ / 2 + room_y * random_.between(-0.5, 0.5);
  // In a place, things stand on the ground.
  const double lowest = height_ - side / 2 - 0.03;
  if (is_place(scene_.background.name))
    y = random_.between(std::clamp(floor_ - side / 2, side / 2 + 0.03, lowest), lowest);
  draw_item(scene_.items[0], box_around(x, y, side));
}

void Composition::draw_count() {
  const int count = scene_.count;
  // How many per row: as square as the picture allows; three on a square stand as two and one.
  const double ratio = width_ / height_;
  int columns = count;
  if (ratio < 0.6)
    columns = 1;
  else if (ratio < 1.7)
    columns = count == 1 ? 1 : 2;
  const int rows = (count + columns - 1) / columns;
  const double cell_width = width_ / columns;
  const double cell_height = height_ / rows;
  const double side = std::min({cell_width, cell_height, 0.75}) * random_.between(0.7, 0.8);
  const double spare = std::min(cell_width, cell_height) - side;
  const double slack = std::clamp(spare / 2 - 0.03, 0.0, 0.3 * spare);
  for (int i = 0; i < count; ++i) {
    const int row = i / columns;
    const int in_row = std::min(columns, count - row * columns);
    const double x =
        width_ / 2 + (i % columns - (in_row - 1) / 2.0) * cell_width + slack * random_.between(-1, 1);
    const double y = cell_height * (row + 0.5) + slack * random_.between(-1, 1);
    draw_item(scene_.items[0], box_around(x, y, side));
  }
}

void Composition::draw_position() {
  const bool sideways = scene_.relation == Relation::left_of || scene_.relation == Relation::right_of;
  const bool first_leads = scene_.relation == Relation::left_of || scene_.relation == Relation::above;
  const double along = sideways ? width_ : height_;
  const double across = sideways ? height_ : width_;
  const double side = std::min({0.43 * along, 0.8 * across, 0.7}) * random_.between(0.9, 1.0);
  for (int i = 0; i < 2; ++i) {
    const bool leads = (i == 0) == first_leads;
    const double far = along * (leads ? 0.26 : 0.74) + 0.02 * random_.between(-1, 1);
    const double middle = across / 2 + 0.05 * random_.between(-1, 1);
    const Box box = sideways ? box_around(far, middle, side) : box_around(middle, far, side);
    draw_item(scene_.items[static_cast<std::size_t>(i)], box);
  }
}

void Composition::draw_hybrid() {
  const double side = 0.84 * random_.between(0.94, 1.06);
  const Sprite& body = sprites_.hybrid(style_, scene_.items[0].name, scene_.texture);
  const Box box = box_around(width_ / 2, height_ / 2, side);
  const double angle = random_.between(-0.04, 0.04);
  draw_thing(scene_.items[0], body, box, random_.chance(0.4), angle);
}

void Composition::draw_wearing() {
  const Item& who = scene_.items[0];
  const Item& what = scene_.items[1];
  const bool hat = thing_named(what.name).can(kHat);
  const Sprite& face = sprite(who, Pose::head);
  const double side = (hat ? 0.64 : 0.76) * random_.between(0.95, 1.05);
  const double y = hat ? height_ / 2 + 0.13 : height_ / 2;
  const Box place = fitted(face, box_around(width_ / 2, y, side));
  draw_thing(who, face, place, false, 0);
  const Head head = head_of(style_, who.name);
  const Sprite& worn = sprite(what);
  Box box;
  if (hat) {
    const double hat_width = head.hat_width * place.width * 1.15;
    const double hat_height = hat_width * worn.height / worn.width;
    // The brim overlaps the head by a fifth of the hat.
    const double brim = place.y + head.top * place.height;
    box = {place.centre_x() - hat_width / 2, brim - 0.8 * hat_height, hat_width, hat_height};
  } else {
    const double glasses_width = head.glasses_width * place.width * 1.08;
    box = {place.centre_x() - glasses_width / 2, place.y + head.eyes * place.height - glasses_width / 2,
           glasses_width, glasses_width};
  }
  note(what.name, draw_sprite(cr_, worn, box));
}

void Composition::draw_paws(Rgb fur, double x, double y, double spread) {
  for (const double side : {-1.0, 1.0}) draw_paw(cr_, fur, x + side * spread, y - 0.012, 0.125);
}

void Composition::draw_holding() {
  const Item& who = scene_.items[0];
  const Sprite& holder = sprite(who, Pose::sitting);
  const double side = 0.74 * random_.between(0.95, 1.05);
  const double x = width_ / 2 - 0.1;
  const double y = height_ / 2 + 0.02;
  const Box place = fitted(holder, box_around(x, y, side));
  draw_thing(who, holder, place, false, 0);
  const double held_x = std::min(place.right() + 0.02, width_ - 0.2);
  const Box held = box_around(held_x, place.y + 0.66 * place.height, 0.38);
  note(scene_.items[1].name, draw_sprite(cr_, sprite(scene_.items[1]), held));
  draw_paw(cr_, holder.colour, held_x - 0.11, held.centre_y() + 0.07, 0.12);
}

void Composition::draw_standing() {
  const Item& what = scene_.items[1];
  const double base_side = 0.5;
  const double base_bottom = height_ / 2 + 0.47;
  const Sprite& base = sprite(what);
  const Box room = fitted(base, {width_ / 2 - 0.36, 0, 0.72, base_side});
  const Box base_box{room.x, base_bottom - room.height, room.width, room.height};
  draw_thing(what, base, base_box, false, 0);
  const double surface = base_box.y + top_in_the_middle(base) * base_box.height;
  const Sprite& who = sprite(scene_.items[0]);
  const Box animal = fitted(who, {0, 0, 0.48, 0.46});
  const Box animal_box{width_ / 2 - animal.width / 2, surface + 0.03 - animal.height, animal.width,
                       animal.height};
  note(scene_.items[0].name, draw_sprite(cr_, who, animal_box, random_.chance(0.4)));
}

void Composition::draw_words() {
  if (scene_.sign->form == SignForm::shirt) return draw_worn_sign();
  if (scene_.items.empty()) return draw_lone_sign();
  draw_held_sign();
}

void Composition::draw_sign(const SignLayout& layout, double x, double y, double angle, double ground) {
  capital_height_ = layout.text.capital_height;
  letters_ = signs_.draw(cr_, *scene_.sign, layout, x, y, angle, ground);
  const auto moved = [&](Box box) {
    box.x += x;
    box.y += y;
    return box;
  };
  note("sign", moved(layout.body));
  note("text area", moved(layout.text_area));
  note("text", moved(layout.ink));
}

void Composition::draw_lone_sign() {
  const bool post = scene_.sign->form == SignForm::post;
  const double room = std::min(width_ - 0.05, 1.6);
  const SignLayout layout = signs_.layout(*scene_.sign, room, 0.62, random_.between(0.86, 1.0));
  const double slack_x = std::max(0.0, width_ - layout.body.width - 0.05) / 2;
  const double slack_y = std::max(0.0, height_ - layout.body.height - 0.1) / 2;
  const double x = width_ / 2 + slack_x * random_.between(-0.5, 0.5);
  const double y = post ? std::max(layout.body.height / 2 + 0.05, 0.4 * height_)
                        : height_ / 2 + slack_y * random_.between(-0.4, 0.4);
  const double angle = post || layout.body.width > 0.85 * width_ ? 0 : random_.between(-0.05, 0.05);
  draw_sign(layout, x, y, angle, height_);
}

void Composition::draw_held_sign() {
  const Item& who = scene_.items[0];
  const double room = std::min(width_ - 0.05, 1.3);
  const double tallest = scene_.sign->words.size() == 3 ? 0.54 : 0.46;
  const SignLayout layout = signs_.layout(*scene_.sign, room, tallest, random_.between(0.86, 1.0));
  // The sign is below, its holder behind and above it: a face, or the upper part of a body.
  const Thing& kind = thing_named(who.name);
  const bool face = who.name != "capybara" && (kind.can(kFace) || kind.group == Group::person);
  const double shown = face ? 0.88 : 0.66;
  const double holder_side = std::min({0.8, (height_ - 0.07 - layout.body.height) / shown, 0.94 * width_});
  const double spare = height_ - layout.body.height - shown * holder_side;
  const double sign_y =
      height_ - layout.body.height / 2 - std::min(0.04, spare / 2) - std::max(0.0, spare - 0.1) / 2;
  const double sign_top = sign_y - layout.body.height / 2;
  const double x = width_ / 2;
  const Sprite& holder = sprite(who, Pose::sitting);
  const Box fit = fitted(holder, box_around(0, 0, holder_side));
  const Box place{x - fit.width / 2, sign_top - shown * fit.height, fit.width, fit.height};
  note(who.name, draw_sprite(cr_, holder, place));
  draw_sign(layout, x, sign_y, 0, height_);
  draw_paws(holder.colour, x, sign_top, std::min(0.36 * layout.body.width, 0.42 * place.width + 0.03));
}

void Composition::draw_worn_sign() {
  const bool worn = !scene_.items.empty();
  const double side = worn ? 0.98 : 0.92;
  const SignLayout layout = signs_.layout(*scene_.sign, side, 0.86 * side, random_.between(0.9, 1.0));
  const double x = width_ / 2;
  if (!worn) return draw_sign(layout, x, height_ / 2, 0, height_);
  const double top = std::max(0.0, height_ - 1.25) / 2;
  const double y = top + 0.3 + layout.body.height / 2;
  draw_sign(layout, x, y, 0, height_);
  const Box place{x - 0.21, top + 0.02, 0.42, 0.4};
  note(scene_.items[0].name, draw_sprite(cr_, sprite(scene_.items[0], Pose::head), place));
}

}  // namespace sd35
