#include "lab/scoring/foreground.h"

#include <algorithm>

#include "lab/scoring/palette.h"

namespace sd35 {
namespace {

// In OKLab. Half the distance of the nearest pair of a thing's and its background's colours that the
// generator lets pass.
constexpr float kAlike = 0.075F;
// The same, from a blend of two of its colours: edges in the background are blurred.
constexpr float kBlended = 0.045F;
// Shadows on the ground and light in the sky: colours of the background up to this far on the way to these,
// reached from it in small steps. A step is between neighbouring pixels, times the picture's side.
struct Shading {
  Rgb colour;
  float furthest = 0;
  float steepest = 0;
};
constexpr Shading kShadow{{32, 26, 52}, 0.32F, 9};
constexpr Shading kLight{{255, 252, 240}, 0.5F, 3};
constexpr double kShadowHeight = 0.32;      // to the width of what casts it
constexpr double kSmallestOnGround = 0.02;  // of the largest part's area
// A share of the edge's pixels; rarer colours belong to something that touches the edge.
constexpr double kRarest = 0.02;
// The edge itself, up to the 64th part of a side, is background and may be a frame of another colour.
constexpr int kFrame = 64;
constexpr double kRarestAround = 0.12;  // the same, of the pixels around a row
// A share of the rows, with the same colours left and right: the background is made of layers, such as sky,
// sea and sand.
constexpr double kLayeredRows = 0.8;

// The distance of a pixel from the blends of two colours.
float distance_from_blend(const Lab& pixel, const Lab& a, const Lab& b) {
  float along = 0, length = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    along += (pixel[i] - a[i]) * (b[i] - a[i]);
    length += (b[i] - a[i]) * (b[i] - a[i]);
  }
  const float t = std::clamp(along / std::max(length, 1e-9F), 0.0F, 1.0F);
  return lab_distance(pixel, {a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1]), a[2] + t * (b[2] - a[2])});
}

bool is_alike(const std::vector<Lab>& palette, const Lab& pixel) {
  for (std::size_t i = 0; i < palette.size(); ++i) {
    if (lab_distance(palette[i], pixel) < kAlike) return true;
    for (std::size_t j = 0; j < i; ++j)
      if (distance_from_blend(pixel, palette[i], palette[j]) < kBlended) return true;
  }
  return false;
}

bool is_shaded(const std::vector<Lab>& palette, const Shading& shading, const Lab& pixel) {
  const Lab towards = oklab(shading.colour);
  return std::ranges::any_of(palette, [&](const Lab& c) {
    Lab end{};
    for (std::size_t i = 0; i < 3; ++i) end[i] = c[i] + shading.furthest * (towards[i] - c[i]);
    return distance_from_blend(pixel, c, end) < kBlended;
  });
}

// Where shadows on the ground can be: at the lower ends of what is not outside.
Mask feet_of(const Mask& outside) {
  Mask inside = outside, feet(outside.width, outside.height);
  for (std::uint8_t& set : inside.set) set = set == 0 ? 1 : 0;
  for (const Part& part : parts_of(inside, kSmallestOnGround)) {
    const int height = static_cast<int>(std::min(0.5 * part.box.height(), kShadowHeight * part.box.width()));
    for (int y = part.box.bottom - height; y < part.box.bottom; ++y)
      for (int x = part.box.left; x < part.box.right; ++x) feet.at(x, y) = 1;
  }
  return feet;
}

// Adds to what is outside the shadows or lights that begin there and are within `where`.
void grow_over(const Shading& shading, const Mask& where, Mask& outside, const LabImage& picture,
               const std::vector<std::vector<Lab>>& palettes) {
  const auto side = static_cast<float>(std::min(picture.width, picture.height));
  const float step = std::min(shading.steepest / side, kAlike);
  std::vector<std::pair<int, int>> todo;
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x)
      if (outside.at(x, y) != 0) todo.emplace_back(x, y);
  while (!todo.empty()) {
    const auto [x, y] = todo.back();
    todo.pop_back();
    for (const auto& [dx, dy] : {std::pair{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) {
      const int u = x + dx, v = y + dy;
      if (!outside.inside(u, v) || outside.at(u, v) != 0 || where.at(u, v) == 0) continue;
      const Lab& pixel = picture.at(u, v);
      if (lab_distance(pixel, picture.at(x, y)) > step ||
          !is_shaded(palettes[static_cast<std::size_t>(v)], shading, pixel))
        continue;
      outside.at(u, v) = 1;
      todo.emplace_back(u, v);
    }
  }
}

// The colours near the left or the right edge around each row.
std::vector<std::vector<Lab>> side_palettes(const LabImage& picture, bool left) {
  const int skipped = picture.width / kFrame, deep = skipped + std::max(1, picture.width / 128);
  const int around = picture.height / 16;
  std::vector<std::vector<Lab>> rows;
  for (int y = 0; y < picture.height; ++y) {
    Palette palette;
    for (int v = std::max(0, y - around); v <= std::min(picture.height - 1, y + around); ++v)
      for (int u = skipped; u < deep; ++u) palette.add(picture.at(left ? u : picture.width - 1 - u, v));
    rows.push_back(palette.colours(kRarestAround));
  }
  return rows;
}

// The background's colours, row by row.
std::vector<std::vector<Lab>> background_palettes(const LabImage& picture) {
  std::vector<std::vector<Lab>> left = side_palettes(picture, true), right = side_palettes(picture, false);
  int same = 0;
  for (std::size_t y = 0; y < left.size(); ++y)
    same += std::ranges::all_of(left[y], [&](const Lab& c) { return is_alike(right[y], c); }) &&
                    std::ranges::all_of(right[y], [&](const Lab& c) { return is_alike(left[y], c); })
                ? 1
                : 0;
  if (same >= kLayeredRows * picture.height) {
    for (std::size_t y = 0; y < left.size(); ++y)
      left[y].insert(left[y].end(), right[y].begin(), right[y].end());
    return left;
  }
  Palette all;
  const int ring = std::max(1, std::min(picture.width, picture.height) / 64);
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x)
      if (x < ring || y < ring || x >= picture.width - ring || y >= picture.height - ring)
        all.add(picture.at(x, y));
  return std::vector<std::vector<Lab>>(static_cast<std::size_t>(picture.height), all.colours(kRarest));
}

// Without what is at most 2 * `radius` pixels wide, unless there is nothing else; what is close to the rest
// stays.
Mask without_lines(const Mask& mask, int radius) {
  Mask core = mask;
  for (int i = 0; i < radius; ++i) core = eroded(core);
  if (core.count() == 0) return mask;
  for (int i = 0; i < 2 * radius; ++i) core = dilated(core);
  for (std::size_t i = 0; i < core.set.size(); ++i)
    core.set[i] = core.set[i] != 0 && mask.set[i] != 0 ? 1 : 0;
  return core;
}

}  // namespace

Foreground separate(const LabImage& picture) {
  const std::vector<std::vector<Lab>> palettes = background_palettes(picture);
  const int frame = std::min(picture.width, picture.height) / kFrame;
  const auto in_frame = [&](int x, int y) {
    return x < frame || y < frame || x >= picture.width - frame || y >= picture.height - frame;
  };
  Mask different(picture.width, picture.height);
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x)
      different.at(x, y) =
          in_frame(x, y) || is_alike(palettes[static_cast<std::size_t>(y)], picture.at(x, y)) ? 0 : 1;
  const bool flat = std::ranges::all_of(palettes, [&](const std::vector<Lab>& palette) {
    return std::ranges::all_of(palette,
                               [&](const Lab& c) { return lab_distance(c, palettes[0].at(0)) < kAlike; });
  });
  // Thin lines are outlines of pale things on a flat background, and seams on any other.
  const Mask solid = flat ? different : without_lines(different, 2);
  Mask outside = outside_of(solid);
  Mask anywhere(picture.width, picture.height);
  std::ranges::fill(anywhere.set, std::uint8_t{1});
  grow_over(kLight, anywhere, outside, picture, palettes);
  grow_over(kShadow, feet_of(outside), outside, picture, palettes);
  Foreground foreground{Mask(picture.width, picture.height), Mask(picture.width, picture.height)};
  for (std::size_t i = 0; i < outside.set.size(); ++i) {
    foreground.mask.set[i] = outside.set[i] == 0 ? 1 : 0;
    foreground.holes.set[i] = outside.set[i] == 0 && different.set[i] == 0 ? 1 : 0;
  }
  foreground.mask = without_lines(foreground.mask, 1);
  return foreground;
}

std::vector<Part> parts_of(const Mask& mask, double smallest) {
  std::vector<Part> parts;
  Mask seen(mask.width, mask.height);
  std::vector<std::pair<int, int>> todo;
  for (int y0 = 0; y0 < mask.height; ++y0) {
    for (int x0 = 0; x0 < mask.width; ++x0) {
      if (!mask.at(x0, y0) || seen.at(x0, y0) != 0) continue;
      Part part;
      part.mask = Mask(mask.width, mask.height);
      part.box = {x0, y0, x0 + 1, y0 + 1};
      todo.emplace_back(x0, y0);
      seen.at(x0, y0) = 1;
      while (!todo.empty()) {
        const auto [x, y] = todo.back();
        todo.pop_back();
        part.mask.at(x, y) = 1;
        ++part.area;
        part.x += x;
        part.y += y;
        part.box = {std::min(part.box.left, x), std::min(part.box.top, y), std::max(part.box.right, x + 1),
                    std::max(part.box.bottom, y + 1)};
        for (int dy = -1; dy <= 1; ++dy) {
          for (int dx = -1; dx <= 1; ++dx) {
            if (!mask.inside(x + dx, y + dy) || !mask.at(x + dx, y + dy) || seen.at(x + dx, y + dy) != 0)
              continue;
            seen.at(x + dx, y + dy) = 1;
            todo.emplace_back(x + dx, y + dy);
          }
        }
      }
      part.x /= static_cast<double>(part.area);
      part.y /= static_cast<double>(part.area);
      parts.push_back(std::move(part));
    }
  }
  std::ranges::stable_sort(parts, std::ranges::greater{}, &Part::area);
  if (!parts.empty()) {
    const double least = smallest * static_cast<double>(parts[0].area);
    std::erase_if(parts, [&](const Part& part) { return static_cast<double>(part.area) < least; });
  }
  return parts;
}

Part joined(const std::vector<Part>& parts) {
  Part all = parts.at(0);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const Part& part = parts[i];
    const auto weight = static_cast<double>(part.area), other = static_cast<double>(all.area);
    all.x = (all.x * other + part.x * weight) / (other + weight);
    all.y = (all.y * other + part.y * weight) / (other + weight);
    all.area += part.area;
    all.box = {std::min(all.box.left, part.box.left), std::min(all.box.top, part.box.top),
               std::max(all.box.right, part.box.right), std::max(all.box.bottom, part.box.bottom)};
    for (std::size_t p = 0; p < all.mask.set.size(); ++p) all.mask.set[p] |= part.mask.set[p];
  }
  return all;
}

}  // namespace sd35
