// Masks: which part of a picture is painted anew.
#pragma once

#include <cstdint>
#include <vector>

#include "image/image.h"

namespace sd35 {

// Row-major, a byte per pixel: 255 is painted anew, 0 stays.
struct Mask {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> grey;

  bool operator==(const Mask&) const = default;
};

// The brightness of a picture (ITU-R 601, as Pillow's convert("L")).
Mask mask_of(const Image& image);
// A grey picture.
Image image_of(const Mask& mask);

// White becomes black.
Mask inverted(Mask mask);
// Under a Gaussian of this standard deviation in pixels, the edges mirrored; 0 changes nothing.
Mask blurred(const Mask& mask, double sigma);
// 255 where it is at least half white, else 0.
Mask binarized(Mask mask);

// A part of a picture: columns left to right - 1, rows top to bottom - 1.
struct Region {
  int left = 0, top = 0, right = 0, bottom = 0;

  int width() const { return right - left; }
  int height() const { return bottom - top; }
  bool operator==(const Region&) const = default;
};

// What is around the part of the mask that is not black, with `padding` pixels, grown to the shape of width x
// height as far as the picture reaches (diffusers' VaeImageProcessor.get_crop_region). Throws ArgumentError
// for a mask that is black all over.
Region masked_region(const Mask& mask, int width, int height, int padding);

// The part alone. It lies inside.
Image cropped(const Image& image, const Region& region);
// `part` over `picture`, its upper left corner at (left, top); it lies inside.
void paste(const Image& part, int left, int top, Image& picture);

// `repainted` where the mask is white, `original` where it is black, and between. Throws Error unless all
// have one size.
Image composite(const Image& original, const Image& repainted, const Mask& mask);

}  // namespace sd35
