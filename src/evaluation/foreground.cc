#include "evaluation/foreground.h"

#include <algorithm>

namespace sd35 {
namespace {

// In OKLab. Half the distance of the nearest pair of a thing's and its background's colours that the
// generator lets pass.
constexpr float kAlike = 0.075F;
constexpr float kClusterRadius = 0.045F;
// Of the edge's pixels; rarer colours are something that touches the edge.
constexpr double kRarest = 0.02;

struct Cluster {
  Lab sum{};
  int count = 0;

  Lab mean() const {
    const auto n = static_cast<float>(count);
    return {sum[0] / n, sum[1] / n, sum[2] / n};
  }
};

std::vector<Lab> edge_palette(const LabImage& picture) {
  const int ring = std::max(1, std::min(picture.width, picture.height) / 64);
  std::vector<Cluster> clusters;
  int total = 0;
  for (int y = 0; y < picture.height; ++y) {
    for (int x = 0; x < picture.width; ++x) {
      const bool edge = x < ring || y < ring || x >= picture.width - ring || y >= picture.height - ring;
      if (!edge) continue;
      ++total;
      const Lab& pixel = picture.at(x, y);
      auto near = std::ranges::find_if(
          clusters, [&](const Cluster& c) { return lab_distance(c.mean(), pixel) < kClusterRadius; });
      if (near == clusters.end()) near = clusters.insert(clusters.end(), Cluster{});
      for (std::size_t i = 0; i < 3; ++i) near->sum[i] += pixel[i];
      ++near->count;
    }
  }
  std::vector<Lab> palette;
  for (const Cluster& cluster : clusters)
    if (cluster.count >= kRarest * total) palette.push_back(cluster.mean());
  return palette;
}

}  // namespace

Foreground separate(const LabImage& picture) {
  const std::vector<Lab> palette = edge_palette(picture);
  Mask different(picture.width, picture.height);
  for (std::size_t i = 0; i < picture.pixels.size(); ++i) {
    const bool alike = std::ranges::any_of(
        palette, [&](const Lab& colour) { return lab_distance(colour, picture.pixels[i]) < kAlike; });
    different.set[i] = alike ? 0 : 1;
  }
  const Mask outside = outside_of(different);
  Foreground foreground{Mask(picture.width, picture.height), Mask(picture.width, picture.height)};
  for (std::size_t i = 0; i < outside.set.size(); ++i) {
    foreground.mask.set[i] = outside.set[i] == 0 ? 1 : 0;
    foreground.holes.set[i] = outside.set[i] == 0 && different.set[i] == 0 ? 1 : 0;
  }
  // Thin seams, such as the blur between two parts of a landscape, are not things.
  const Mask opened = dilated(eroded(foreground.mask));
  if (opened.count() > 0) foreground.mask = opened;
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
