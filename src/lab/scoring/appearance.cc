#include "lab/scoring/appearance.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/error.h"
#include "core/threads.h"
#include "lab/drawing/shapes.h"
#include "lab/drawing/sprite_store.h"
#include "lab/scenes/things.h"

namespace sd35 {
namespace {

constexpr float kNeutral = 0.6F;  // the lightness of what is not covered
constexpr float kHueWeight = 2;   // of a and b, whose range is narrower than that of the lightness
constexpr float kCoverageWeight = 0.4F;
constexpr int kMargin = 6;          // that may be lost: the 6th part of a side
constexpr int kSmallestHoles = 30;  // holes below the 30th part of the area make no difference
constexpr float kColourShare = 6;   // of the colours' mean square in a distance

// Colour and coverage between four pixels, in coordinates of pixel centres.
std::array<float, 4> sample(const LabImage& picture, const Mask& mask, double x, double y) {
  std::array<float, 4> sum{};
  const double fx = std::floor(x), fy = std::floor(y);
  for (int dy = 0; dy < 2; ++dy) {
    for (int dx = 0; dx < 2; ++dx) {
      const int px = static_cast<int>(fx) + dx, py = static_cast<int>(fy) + dy;
      if (!mask.inside(px, py) || !mask.at(px, py)) continue;
      const double wx = dx == 0 ? 1 - (x - fx) : x - fx, wy = dy == 0 ? 1 - (y - fy) : y - fy;
      const auto weight = static_cast<float>(wx * wy);
      const Lab& pixel = picture.at(px, py);
      for (std::size_t i = 0; i < 3; ++i) sum[i] += weight * pixel[i];
      sum[3] += weight;
    }
  }
  return sum;
}

float squared_distance(std::span<const float> a, std::span<const float> b) {
  float sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

}  // namespace

Appearance::Appearance(const LabImage& picture, const Part& part, const PixelBox& box, bool mirrored) {
  const double scale = std::max(box.width(), box.height()) / static_cast<double>(kSide);
  const double centre_x = (box.left + box.right) / 2.0, centre_y = (box.top + box.bottom) / 2.0;
  const int taps = std::clamp(static_cast<int>(std::ceil(scale)), 1, 16);
  Cut cut{};
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      std::array<float, 4> sum{};
      for (int ty = 0; ty < taps; ++ty) {
        for (int tx = 0; tx < taps; ++tx) {
          const double u = x + (tx + 0.5) / taps - kSide / 2.0, v = y + (ty + 0.5) / taps - kSide / 2.0;
          const auto tap = sample(picture, part.mask, centre_x + (mirrored ? -u : u) * scale - 0.5,
                                  centre_y + v * scale - 0.5);
          for (std::size_t i = 0; i < 4; ++i) sum[i] += tap[i] / static_cast<float>(taps * taps);
        }
      }
      sum[0] = sum[0] + kNeutral * (1 - sum[3]);
      cut[static_cast<std::size_t>(y * kSide + x)] = sum;
    }
  }
  fill_colours(cut);
  fill_gradients(cut);
}

void Appearance::fill_colours(const Cut& cut) {
  constexpr int kCell = kSide / kGrid;
  for (int y = 0; y < kSide; ++y) {
    for (int x = 0; x < kSide; ++x) {
      const auto& pixel = cut[static_cast<std::size_t>(y * kSide + x)];
      float* cell = &colours_[static_cast<std::size_t>(4 * ((y / kCell) * kGrid + x / kCell))];
      cell[0] += (pixel[0] - kNeutral) / (kCell * kCell);
      cell[1] += kHueWeight * pixel[1] / (kCell * kCell);
      cell[2] += kHueWeight * pixel[2] / (kCell * kCell);
      cell[3] += kCoverageWeight * pixel[3] / (kCell * kCell);
    }
  }
}

void Appearance::fill_gradients(const Cut& cut) {
  constexpr int kCell = kSide / kBlocks;
  const auto light = [&](int x, int y) { return cut[static_cast<std::size_t>(y * kSide + x)][0]; };
  for (int y = 1; y + 1 < kSide; ++y) {
    for (int x = 1; x + 1 < kSide; ++x) {
      const float dx = light(x + 1, y) - light(x - 1, y), dy = light(x, y + 1) - light(x, y - 1);
      const double angle = std::atan2(dy, dx) / std::numbers::pi + 1;  // in half turns
      const double bin = (angle - std::floor(angle)) * kAngles;
      const auto lower = static_cast<std::size_t>(bin) % kAngles, upper = (lower + 1) % kAngles;
      const float strength = std::hypot(dx, dy);
      const auto upper_share = static_cast<float>(bin - std::floor(bin));
      float* block = &gradients_[static_cast<std::size_t>(kAngles * ((y / kCell) * kBlocks + x / kCell))];
      block[lower] += strength * (1 - upper_share);
      block[upper] += strength * upper_share;
    }
  }
  // Square roots keep one strong edge from drowning out the others.
  float length = 0;
  for (float& value : gradients_) length += value;
  for (float& value : gradients_) value = std::sqrt(value / std::max(length, 1e-6F));
}

float Appearance::distance(const Appearance& other) const {
  const float colours = squared_distance(colours_, other.colours_) / (kGrid * kGrid);
  return kColourShare * colours + squared_distance(gradients_, other.gradients_) / 2;
}

namespace {

Part pierced(Part part, const Mask& holes) {
  for (std::size_t i = 0; i < holes.set.size(); ++i)
    if (holes.set[i] != 0) part.mask.set[i] = 0;
  return part;
}

}  // namespace

ObservedPart::ObservedPart(const LabImage& picture, const Part& part, const Mask& holes) {
  const PixelBox& box = part.box;
  const int x = box.width() / kMargin, y = box.height() / kMargin;
  for (const auto& [left, right] : {std::pair{0, 0}, {x, 0}, {0, x}})
    for (const auto& [top, bottom] : {std::pair{0, 0}, {y, 0}, {0, y}})
      guesses_.emplace_back(picture, part,
                            PixelBox{box.left - left, box.top - top, box.right + right, box.bottom + bottom});
  const Part open = pierced(part, holes);
  if (open.mask.count() * kSmallestHoles < part.area * (kSmallestHoles - 1))
    guesses_.emplace_back(picture, open, box);
}

float ObservedPart::distance(const Appearance& known) const {
  float nearest = guesses_[0].distance(known);
  for (const Appearance& guess : guesses_) nearest = std::min(nearest, guess.distance(known));
  return nearest;
}

Silhouette::Silhouette(const Part& part, const Mask& holes) {
  const double scale = std::max(part.box.width(), part.box.height()) / static_cast<double>(kSide);
  const double left = (part.box.left + part.box.right) / 2.0 - kSide * scale / 2;
  const double top = (part.box.top + part.box.bottom) / 2.0 - kSide * scale / 2;
  constexpr int kTaps = 4;
  for (int y = 0; y < kSide * kTaps; ++y) {
    for (int x = 0; x < kSide * kTaps; ++x) {
      const int px = static_cast<int>(std::floor(left + (x + 0.5) / kTaps * scale));
      const int py = static_cast<int>(std::floor(top + (y + 0.5) / kTaps * scale));
      if (part.mask.inside(px, py) && part.mask.at(px, py) && !holes.at(px, py))
        covered_[static_cast<std::size_t>((y / kTaps) * kSide + x / kTaps)] += 1.0F / (kTaps * kTaps);
    }
  }
}

float Silhouette::distance(const Silhouette& other) const {
  float sum = 0;
  for (std::size_t i = 0; i < covered_.size(); ++i) sum += std::abs(covered_[i] - other.covered_[i]);
  return sum / (kSide * kSide);
}

namespace {

constexpr int kDrawnSide = 112;
constexpr Rgb kBehind{255, 0, 255};  // no thing has this colour

// The styles that can be drawn here.
std::vector<SpriteStyle> known_styles() {
  if (EmojiFont::is_installed()) return {SpriteStyle::fluent, SpriteStyle::noto};
  return {SpriteStyle::fluent};
}

struct DrawnItem {
  LabImage picture;
  Part part;
  Mask holes;
};

DrawnItem draw_alone(const Item& item, SpriteStyle style, SpriteStore& sprites) {
  const Surface surface = make_surface(kDrawnSide, kDrawnSide);
  {
    const Context context = make_context(surface);
    set_colour(context.get(), kBehind);
    cairo_paint(context.get());
    const Box box = box_around(kDrawnSide / 2.0, kDrawnSide / 2.0, 0.86 * kDrawnSide);
    if (item.shape)
      draw_shape(context.get(), item.name, box, find_colour(item.colour).value().rgb);
    else
      draw_sprite(context.get(), sprites.thing(style, item.name, item.colour), box);
  }
  sprites.trim();
  LabImage picture = to_lab(image_of(surface));
  Foreground foreground = separate(picture);
  Part part = joined(parts_of(foreground.mask, 0.02));
  return {std::move(picture), std::move(part), std::move(foreground.holes)};
}

std::string key_of(const Item& item) {
  return (item.shape ? "shape " : "thing ") + item.name + "|" + item.colour;
}

// As the generator colours it: a thing in its natural colour has none.
std::vector<Item> all_items() {
  std::vector<Item> items;
  for (const Thing& thing : all_things()) {
    items.push_back({.name = std::string(thing.name)});
    if (!thing.can(kTinted)) continue;
    for (const NamedColour& colour : named_colours())
      items.push_back({.name = std::string(thing.name), .colour = std::string(colour.name)});
  }
  for (const std::string_view shape : shape_names())
    for (const NamedColour& colour : named_colours())
      items.push_back({.name = std::string(shape), .shape = true, .colour = std::string(colour.name)});
  return items;
}

}  // namespace

AppearanceTable::AppearanceTable(bool outlines_only) {
  const std::vector<Item> items = outlines_only ? std::vector<Item>() : all_items();
  entries_.resize(items.size());
  const std::vector<SpriteStyle> styles = known_styles();
  parallel_for(static_cast<std::int64_t>(items.size()), 16, [&](std::int64_t begin, std::int64_t end) {
    SpriteStore sprites;
    for (auto i = static_cast<std::size_t>(begin); i < static_cast<std::size_t>(end); ++i) {
      entries_[i].item = items[i];
      const bool one_style = items[i].shape || thing_named(items[i].name).emoji == 0;
      for (const SpriteStyle style : one_style ? std::vector{SpriteStyle::fluent} : styles) {
        DrawnItem drawn = draw_alone(items[i], style, sprites);
        drawn.part = pierced(std::move(drawn.part), drawn.holes);
        entries_[i].views.emplace_back(drawn.picture, drawn.part, drawn.part.box);
        if (!items[i].shape) entries_[i].views.emplace_back(drawn.picture, drawn.part, drawn.part.box, true);
      }
    }
  });
  for (std::size_t i = 0; i < items.size(); ++i) places_[key_of(items[i])] = i;
  SpriteStore sprites;
  for (const std::string_view shape : shape_names()) {
    const DrawnItem drawn = draw_alone({.name = std::string(shape), .shape = true, .colour = "blue"},
                                       SpriteStyle::fluent, sprites);
    silhouettes_.emplace_back(shape, Silhouette(drawn.part, drawn.holes));
  }
}

float AppearanceTable::Entry::distance(const ObservedPart& seen) const {
  float nearest = seen.distance(views.at(0));
  for (const Appearance& view : views) nearest = std::min(nearest, seen.distance(view));
  return nearest;
}

std::vector<std::string_view> AppearanceTable::ranked_things(const ObservedPart& seen) const {
  std::vector<std::pair<float, std::string_view>> things;
  for (const Entry& entry : entries_)
    if (!entry.item.shape && entry.item.colour.empty())
      things.emplace_back(entry.distance(seen), entry.item.name);
  std::ranges::sort(things);
  std::vector<std::string_view> names;
  for (const auto& [distance, name] : things) names.push_back(name);
  return names;
}

std::string_view AppearanceTable::nearest_shape(const Silhouette& seen) const {
  return std::ranges::min_element(silhouettes_, {},
                                  [&](const auto& shape) { return shape.second.distance(seen); })
      ->first;
}

float AppearanceTable::distance(const ObservedPart& seen, const Item& item) const {
  const auto found = places_.find(key_of(item));
  if (found == places_.end())
    throw ArgumentError("no scene shows a " + item.colour + (item.colour.empty() ? "" : " ") + item.name);
  return entries_[found->second].distance(seen);
}

int AppearanceTable::rank(const ObservedPart& seen, const Item& item) const {
  const float own = distance(seen, item);
  return static_cast<int>(std::ranges::count_if(entries_, [&](const Entry& entry) {
    const bool candidate = entry.item.shape || entry.item.colour.empty();
    return candidate && entry.item.name != item.name && entry.distance(seen) < own;
  }));
}

}  // namespace sd35
