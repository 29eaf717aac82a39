#include "image/grid.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace sd35 {

Image grid_of(std::span<const Image> images) {
  int columns = static_cast<int>(std::ceil(std::sqrt(images.size())));
  if (images.size() > 2) columns += columns % 2;
  return grid_of(images, columns);
}

Image grid_of(std::span<const Image> images, int columns) {
  if (images.empty() || columns < 1) throw ArgumentError("a grid needs pictures");
  const int width = images[0].width, height = images[0].height, count = static_cast<int>(images.size());
  const int rows = (count + columns - 1) / columns;
  Image grid{columns * width, rows * height, {}};
  grid.rgb.assign(
      std::size_t{3} * static_cast<std::size_t>(grid.width) * static_cast<std::size_t>(grid.height), 255);
  for (int i = 0; i < count; ++i) {
    const Image& image = images[static_cast<std::size_t>(i)];
    check_image(image);
    if (image.width != width || image.height != height)
      throw ArgumentError("the pictures of a grid must have the same size");
    for (int y = 0; y < height; ++y) {
      const std::ptrdiff_t row = std::ptrdiff_t{i / columns * height + y} * grid.width + i % columns * width;
      std::copy_n(image.rgb.begin() + std::ptrdiff_t{3} * y * width, 3 * width, grid.rgb.begin() + 3 * row);
    }
  }
  return grid;
}

}  // namespace sd35
