#include "image/resize_mode.h"

#include <algorithm>
#include <string>

#include "core/error.h"
#include "image/resize.h"

namespace sd35 {
namespace {

struct Size {
  int width, height;
};

// The largest size of the picture's shape within the target (fill), or the smallest around it (crop); sides
// are rounded down.
Size inner_size(const Image& image, int width, int height, bool around) {
  const std::int64_t wider =
      std::int64_t{width} * image.height - std::int64_t{image.width} * height;  // than the picture
  const bool by_width = around ? wider > 0 : wider < 0;
  if (by_width) {
    const auto inner = static_cast<int>(std::int64_t{image.height} * width / image.width);
    return {width, std::max(1, inner)};
  }
  const auto inner = static_cast<int>(std::int64_t{image.width} * height / image.height);
  return {std::max(1, inner), height};
}

// Middle on middle; what is outside of the target is cut off.
void paste_centred(const Image& inner, Image& target) {
  const int left = target.width / 2 - inner.width / 2, top = target.height / 2 - inner.height / 2;
  const int first_x = std::max(0, left), last_x = std::min(target.width, left + inner.width);
  const int first_y = std::max(0, top), last_y = std::min(target.height, top + inner.height);
  for (int y = first_y; y < last_y; ++y)
    std::copy_n(inner.rgb.data() + (std::ptrdiff_t{y - top} * inner.width + first_x - left) * 3,
                (last_x - first_x) * 3, target.rgb.data() + (std::ptrdiff_t{y} * target.width + first_x) * 3);
}

// Beyond an edge, as Pillow's bicubic filter continues it at once: `edge` and an eighth of its step from
// `next`.
std::uint8_t continued(int edge, int next) {
  return static_cast<std::uint8_t>(std::clamp((9 * edge - next + 4) >> 3, 0, 255));
}

// Bars as long as the one at the top or left: the reference leaves a last row or column black where the
// target has an odd side and the picture an even one, and cuts one off where it is the other way round.
void continue_edges(const Image& inner, Image& target) {
  const int left = target.width / 2 - inner.width / 2, top = target.height / 2 - inner.height / 2;
  const auto pixel = [](auto& image, int x, int y) {
    return image.rgb.data() + (std::ptrdiff_t{y} * image.width + x) * 3;
  };
  const auto fill = [&](int x, int y, int edge_x, int edge_y, int next_x, int next_y) {
    const std::uint8_t *edge = pixel(inner, edge_x, edge_y), *next = pixel(inner, next_x, next_y);
    for (int c = 0; c < 3; ++c) pixel(target, x, y)[c] = continued(edge[c], next[c]);
  };
  const int last_x = inner.width - 1, last_y = inner.height - 1;
  for (int i = 0; i < top; ++i)
    for (int x = 0; x < target.width; ++x) {
      fill(x, i, x, 0, x, std::min(1, last_y));
      if (top + inner.height + i < target.height)
        fill(x, top + inner.height + i, x, last_y, x, std::max(0, last_y - 1));
    }
  for (int i = 0; i < left; ++i)
    for (int y = 0; y < target.height; ++y) {
      fill(i, y, 0, y, std::min(1, last_x), y);
      if (left + inner.width + i < target.width)
        fill(left + inner.width + i, y, last_x, y, std::max(0, last_x - 1), y);
    }
}

}  // namespace

ResizeMode resize_mode_from_name(std::string_view name) {
  if (name == "stretch") return ResizeMode::stretch;
  if (name == "crop") return ResizeMode::crop;
  if (name == "fill") return ResizeMode::fill;
  throw ArgumentError("there is no way to resize called '" + std::string(name) +
                      "'; there are stretch, crop, fill");
}

Image resize(const Image& image, int width, int height, ResizeMode mode) {
  if (mode == ResizeMode::stretch) return resize(image, width, height);
  check_image(image);
  const Size size = inner_size(image, width, height, mode == ResizeMode::crop);
  const Image inner = resize(image, size.width, size.height);
  Image result{width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
  paste_centred(inner, result);
  if (mode == ResizeMode::fill) continue_edges(inner, result);
  return result;
}

}  // namespace sd35
