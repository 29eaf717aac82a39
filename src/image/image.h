// Pictures of 8 bits per channel, and their conversion from and to the autoencoder's floats.
#pragma once

#include <cstdint>
#include <vector>

#include "core/tensor.h"

namespace sd35 {

// Row-major RGB, 3 bytes per pixel: rgb.size() == 3 * width * height.
struct Image {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgb;

  bool operator==(const Image&) const = default;
};

// The same with alpha, 4 bytes per pixel, not premultiplied: rgba.size() == 4 * width * height.
struct TransparentImage {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> rgba;
};

// Its colours, whatever its alpha.
Image without_alpha(const TransparentImage& image);
// Its alpha, [height, width]; empty where it is 255 everywhere.
std::vector<std::uint8_t> alpha_of(const TransparentImage& image);

// Throws ArgumentError unless the sides are positive and `rgb` has their size.
void check_image(const Image& image);

// The decoder's f32 [Y, X, 3] in [-1, 1] to 8 bits: round(255 * clamp(x/2 + 1/2, 0, 1)), halves to even
// (diffusers VaeImageProcessor.denormalize and numpy_to_pil). Throws NumericError at the first NaN or
// infinity, ArgumentError when `pixels` has another type or shape.
Image image_from_pixels(const Tensor& pixels);

// The inverse, for the encoder: 2 * (u8/255) - 1 as f32 [Y, X, 3] (diffusers VaeImageProcessor.pil_to_numpy
// and normalize).
Tensor pixels_from_image(const Image& image);

}  // namespace sd35
