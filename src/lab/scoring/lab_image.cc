#include "lab/scoring/lab_image.h"

#include <algorithm>
#include <cmath>

namespace sd35 {
namespace {

template <class Combine>
Mask combined(const Mask& mask, Combine combine) {
  Mask result(mask.width, mask.height);
  for (int y = 0; y < mask.height; ++y) {
    for (int x = 0; x < mask.width; ++x) {
      bool value = mask.at(x, y);
      for (int dy = -1; dy <= 1; ++dy)
        for (int dx = -1; dx <= 1; ++dx)
          if (mask.inside(x + dx, y + dy)) value = combine(value, mask.at(x + dx, y + dy));
      result.at(x, y) = value ? 1 : 0;
    }
  }
  return result;
}

}  // namespace

LabImage to_lab(const Image& image) {
  LabImage lab{image.width, image.height, {}};
  lab.pixels.reserve(image.rgb.size() / 3);
  for (std::size_t i = 0; i + 2 < image.rgb.size(); i += 3)
    lab.pixels.push_back(oklab({image.rgb[i], image.rgb[i + 1], image.rgb[i + 2]}));
  return lab;
}

float lab_distance(const Lab& a, const Lab& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); }

std::int64_t Mask::count() const {
  return std::ranges::count_if(set, [](std::uint8_t s) { return s != 0; });
}

Mask eroded(const Mask& mask) {
  return combined(mask, [](bool a, bool b) { return a && b; });
}

Mask dilated(const Mask& mask) {
  return combined(mask, [](bool a, bool b) { return a || b; });
}

Mask outside_of(const Mask& mask) {
  Mask outside(mask.width, mask.height);
  std::vector<std::pair<int, int>> todo;
  const auto visit = [&](int x, int y) {
    if (!mask.inside(x, y) || mask.at(x, y) || outside.at(x, y)) return;
    outside.at(x, y) = 1;
    todo.emplace_back(x, y);
  };
  for (int x = 0; x < mask.width; ++x) visit(x, 0), visit(x, mask.height - 1);
  for (int y = 0; y < mask.height; ++y) visit(0, y), visit(mask.width - 1, y);
  while (!todo.empty()) {
    const auto [x, y] = todo.back();
    todo.pop_back();
    visit(x - 1, y), visit(x + 1, y), visit(x, y - 1), visit(x, y + 1);
  }
  return outside;
}

}  // namespace sd35
