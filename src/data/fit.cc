#include "data/fit.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "core/error.h"
#include "core/philox.h"
#include "image/resize.h"

namespace sd35 {
namespace {

constexpr std::int64_t kLongest = 8;  // of the bucket's side; the crop would keep an eighth of it

Image cropped(const Image& image, int left, int top, int width, int height) {
  Image part{width, height, std::vector<std::uint8_t>(std::size_t{3} * width * height)};
  for (int y = 0; y < height; ++y)
    std::copy_n(image.rgb.begin() + (std::ptrdiff_t{top} + y) * image.width * 3 + std::ptrdiff_t{left} * 3,
                std::ptrdiff_t{width} * 3, part.rgb.begin() + std::ptrdiff_t{y} * width * 3);
  return part;
}

void mirror(Image& image) {
  for (int y = 0; y < image.height; ++y) {
    std::uint8_t* row = image.rgb.data() + std::size_t{3} * image.width * y;
    for (int left = 0, right = image.width - 1; left < right; ++left, --right)
      std::swap_ranges(row + 3 * left, row + 3 * left + 3, row + 3 * right);
  }
}

// The middle of a picture so long that covering the bucket would need a huge one; of others the whole.
ImageSize without_ends(ImageSize image, const Bucket& bucket) {
  const auto longest = [](std::int64_t across, std::int64_t bucket_along, std::int64_t bucket_across) {
    return std::max<std::int64_t>(kLongest * across * bucket_along / bucket_across, 1);
  };
  const int width = static_cast<int>(
      std::min<std::int64_t>(image.width, longest(image.height, bucket.width, bucket.height)));
  const int height = static_cast<int>(
      std::min<std::int64_t>(image.height, longest(image.width, bucket.height, bucket.width)));
  return {width, height};
}

// The smallest size of the picture's aspect ratio that covers the bucket.
ImageSize covering(ImageSize image, const Bucket& bucket) {
  const double scale = std::max(static_cast<double>(bucket.width) / image.width,
                                static_cast<double>(bucket.height) / image.height);
  const auto side = [scale](int from, int least) {
    const double rounded = std::min(std::round(from * scale), static_cast<double>(kMaxImageSide));
    return std::max(static_cast<int>(rounded), least);
  };
  return {side(image.width, bucket.width), side(image.height, bucket.height)};
}

int centred(int outer, int inner) { return (outer - inner) / 2; }

void check_bucket(const Bucket& bucket) {
  if (std::min(bucket.width, bucket.height) < 1 || std::max(bucket.width, bucket.height) > kMaxImageSide)
    throw ArgumentError("a bucket of " + std::to_string(bucket.width) + "x" + std::to_string(bucket.height) +
                        "; its sides are within 1 and " + std::to_string(kMaxImageSide));
}

}  // namespace

FittedPicture fit_to_bucket(const Image& image, const Bucket& bucket, const FitOptions& options,
                            std::uint64_t seed) {
  check_image(image);
  check_bucket(bucket);
  const ImageSize whole{image.width, image.height}, middle = without_ends(whole, bucket);
  const Image cut = middle == whole
                        ? Image()
                        : cropped(image, centred(whole.width, middle.width),
                                  centred(whole.height, middle.height), middle.width, middle.height);
  const Image& source = middle == whole ? image : cut;
  FittedPicture fitted;
  fitted.resized = covering(middle, bucket);
  const auto [width, height] = fitted.resized;
  const Image resized =
      width == source.width && height == source.height ? source : resize(source, width, height);

  const PhiloxCounter words =
      philox4x32({}, {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  const auto origin = [&](int over, std::uint32_t word) {
    if (options.crop == Crop::centre) return centred(over, 0);
    return static_cast<int>(std::uint64_t{word} * (static_cast<std::uint64_t>(over) + 1) >> 32);
  };
  fitted.crop_x = origin(width - bucket.width, words[0]);
  fitted.crop_y = origin(height - bucket.height, words[1]);
  fitted.image = cropped(resized, fitted.crop_x, fitted.crop_y, bucket.width, bucket.height);
  fitted.flipped = options.flip && (words[2] & 1) != 0;
  if (fitted.flipped) mirror(fitted.image);
  return fitted;
}

PictureBox fit_to_bucket(const PictureBox& box, ImageSize image, const Bucket& bucket) {
  check_bucket(bucket);
  const ImageSize middle = without_ends(image, bucket), resized = covering(middle, bucket);
  const double across = static_cast<double>(resized.width) / middle.width,
               down = static_cast<double>(resized.height) / middle.height;
  return {(box.x - centred(image.width, middle.width)) * across - centred(resized.width, bucket.width),
          (box.y - centred(image.height, middle.height)) * down - centred(resized.height, bucket.height),
          box.width * across, box.height * down};
}

}  // namespace sd35
