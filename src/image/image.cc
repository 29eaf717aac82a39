#include "image/image.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

#include "core/error.h"

namespace sd35 {

Image without_alpha(const TransparentImage& image) {
  Image colours{image.width, image.height, {}};
  colours.rgb.reserve(image.rgba.size() / 4 * 3);
  for (std::size_t i = 0; i < image.rgba.size(); ++i)
    if (i % 4 != 3) colours.rgb.push_back(image.rgba[i]);
  return colours;
}

std::vector<std::uint8_t> alpha_of(const TransparentImage& image) {
  std::vector<std::uint8_t> alpha;
  alpha.reserve(image.rgba.size() / 4);
  for (std::size_t i = 3; i < image.rgba.size(); i += 4) alpha.push_back(image.rgba[i]);
  if (std::ranges::all_of(alpha, [](std::uint8_t level) { return level == 255; })) alpha.clear();
  return alpha;
}

void check_image(const Image& image) {
  const bool positive = image.width > 0 && image.height > 0;
  if (!positive || image.rgb.size() != std::size_t{3} * image.width * image.height)
    throw ArgumentError("an image of " + std::to_string(image.width) + "x" + std::to_string(image.height) +
                        " cannot have " + std::to_string(image.rgb.size()) +
                        " bytes; it needs positive sides and 3 bytes per pixel");
}

Image image_from_pixels(const Tensor& pixels) {
  const Shape& shape = pixels.shape();
  if (!pixels.defined() || pixels.dtype() != DType::f32 || shape.rank() != 3 || shape[2] != 3 ||
      shape.numel() == 0)
    throw ArgumentError("image: pixels must be f32 of shape [Y, X, 3], not " + shape.to_string());
  Image image{static_cast<int>(shape[1]), static_cast<int>(shape[0]), {}};
  const std::span<const float> values = pixels.floats();
  image.rgb.resize(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = values[i];
    if (!std::isfinite(value))
      throw NumericError("image: the value of pixel x " + std::to_string(i / 3 % image.width) + ", y " +
                         std::to_string(i / 3 / image.width) + ", channel " + std::to_string(i % 3) + " is " +
                         std::to_string(value));
    const float unit = std::clamp(value * 0.5f + 0.5f, 0.0f, 1.0f);
    image.rgb[i] =
        static_cast<std::uint8_t>(std::nearbyint(unit * 255.0f));  // default rounding mode: ties to even
  }
  return image;
}

Tensor pixels_from_image(const Image& image) {
  check_image(image);
  Tensor pixels({image.height, image.width, 3}, DType::f32);
  std::ranges::transform(image.rgb, pixels.data<float>(), [](std::uint8_t level) {
    return 2.0f * (static_cast<float>(level) / 255.0f) - 1.0f;
  });
  return pixels;
}

}  // namespace sd35
