#include "train/samples/window.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace sd35::train {
namespace {

// Places of a window of `length` tokens along a picture of `whole`, around a text from `begin` to `end`, in
// tokens.
std::int64_t place_along(std::int64_t length, std::int64_t whole, double begin, double end,
                         SampleRandom& random) {
  if (begin >= end) {  // no text
    begin = 0;
    end = static_cast<double>(whole);
  }
  const auto first = static_cast<std::int64_t>(std::floor(begin)),
             last = static_cast<std::int64_t>(std::ceil(end)) - length;
  // Between the two the window holds the text or, if the text is longer, the text holds the window.
  const std::int64_t least = std::clamp<std::int64_t>(std::min(first, last), 0, whole - length),
                     most = std::clamp<std::int64_t>(std::max(first, last), 0, whole - length);
  return least + random.below(most - least + 1);
}

}  // namespace

std::optional<ImageSize> window_shape(const Windows& windows, const TokenGrid& picture,
                                      SampleRandom& random) {
  std::vector<ImageSize> fitting;
  for (const ImageSize& shape : windows.shapes)
    if (shape.width <= picture.columns && shape.height <= picture.rows) fitting.push_back(shape);
  if (fitting.empty()) return std::nullopt;
  return fitting[static_cast<std::size_t>(random.below(static_cast<std::int64_t>(fitting.size())))];
}

TokenWindow place_window(ImageSize shape, const TokenGrid& picture, const std::optional<PictureBox>& text,
                         SampleRandom random) {
  const PictureBox box = text.value_or(PictureBox());
  const double left = std::max(box.x / picture.side, 0.0), top = std::max(box.y / picture.side, 0.0),
               right = std::min<double>((box.x + box.width) / picture.side, picture.columns),
               bottom = std::min<double>((box.y + box.height) / picture.side, picture.rows);
  const bool inside = left < right && top < bottom;
  TokenWindow window{0, 0, shape.width, shape.height};
  window.left = place_along(shape.width, picture.columns, left, inside ? right : left, random);
  window.top = place_along(shape.height, picture.rows, top, inside ? bottom : top, random);
  return window;
}

Tensor cut(const Tensor& moments, const TokenWindow& window, int patch) {
  const std::int64_t C = moments.dim(0), h = moments.dim(1), w = moments.dim(2);
  const std::int64_t rows = window.rows * patch, columns = window.columns * patch;
  if (rows == h && columns == w) return moments;
  Tensor part({C, rows, columns}, DType::f32);
  float* target = part.data<float>();
  for (std::int64_t c = 0; c < C; ++c)
    for (std::int64_t y = 0; y < rows; ++y)
      target = std::copy_n(moments.data<float>() + (c * h + window.top * patch + y) * w + window.left * patch,
                           columns, target);
  return part;
}

}  // namespace sd35::train
