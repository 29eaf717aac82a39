// Bringing a picture to the size of its bucket.
#pragma once

#include <cstdint>

#include "data/buckets.h"
#include "image/image.h"

namespace sd35 {

// A part of a picture, in pixels; may reach over its edges.
struct PictureBox {
  double x = 0, y = 0, width = 0, height = 0;
};

enum class Crop : std::uint8_t { centre, random };

struct FitOptions {
  Crop crop = Crop::centre;
  bool flip = false;  // mirror left and right, half of the time
};

struct FittedPicture {
  Image image;        // of the bucket's size
  ImageSize resized;  // before the crop
  int crop_x = 0;     // of the crop's left upper corner in `resized`
  int crop_y = 0;
  bool flipped = false;  // after the crop
};

// Resizes the picture (Lanczos, image/resize.h) so that it just covers the bucket, crops the excess on one
// side and flips it; what is random is a pure function of `seed`. A picture more than eight times as long as
// its bucket's aspect ratio is first cropped to that around its middle. Throws ArgumentError when the picture
// or the bucket has no pixels or a side above kMaxImageSide.
FittedPicture fit_to_bucket(const Image& image, const Bucket& bucket, const FitOptions& options,
                            std::uint64_t seed);

// Where a part of a picture of this size is in its crop around the middle.
PictureBox fit_to_bucket(const PictureBox& box, ImageSize image, const Bucket& bucket);

}  // namespace sd35
