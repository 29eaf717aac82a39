#include "image/mask.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr int kHalfWhite = 128;

// Index `i` of `size`, mirrored at the first and the last, which are not repeated.
int mirrored(int i, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  i = std::abs(i) % period;
  return i < size ? i : period - i;
}

std::vector<double> gaussian(double sigma) {
  const int reach = static_cast<int>(2.5 * sigma + 0.5);
  std::vector<double> weights;
  double sum = 0;
  for (int i = -reach; i <= reach; ++i) {
    weights.push_back(std::exp(-i * i / (2 * sigma * sigma)));
    sum += weights.back();
  }
  for (double& weight : weights) weight /= sum;
  return weights;
}

}  // namespace

Mask mask_of(const Image& image) {
  check_image(image);
  Mask mask{image.width, image.height, {}};
  mask.grey.reserve(image.rgb.size() / 3);
  for (std::size_t i = 0; i < image.rgb.size(); i += 3)
    mask.grey.push_back(static_cast<std::uint8_t>(
        (19595 * image.rgb[i] + 38470 * image.rgb[i + 1] + 7471 * image.rgb[i + 2] + 32768) >> 16));
  return mask;
}

Image image_of(const Mask& mask) {
  Image image{mask.width, mask.height, {}};
  image.rgb.reserve(mask.grey.size() * 3);
  for (const std::uint8_t grey : mask.grey) image.rgb.insert(image.rgb.end(), 3, grey);
  return image;
}

Mask inverted(Mask mask) {
  for (std::uint8_t& grey : mask.grey) grey = static_cast<std::uint8_t>(255 - grey);
  return mask;
}

Mask blurred(const Mask& mask, double sigma) {
  if (!(sigma > 0)) return mask;
  const std::vector<double> weights = gaussian(sigma);
  const int reach = static_cast<int>(weights.size() / 2);
  std::vector<double> rows(mask.grey.size());
  const auto at = [&](int x, int y) { return static_cast<std::size_t>(y) * mask.width + x; };
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x)
      for (int i = -reach; i <= reach; ++i)
        rows[at(x, y)] +=
            weights[static_cast<std::size_t>(i + reach)] * mask.grey[at(mirrored(x + i, mask.width), y)];
  Mask result = mask;
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x) {
      double sum = 0;
      for (int i = -reach; i <= reach; ++i)
        sum += weights[static_cast<std::size_t>(i + reach)] * rows[at(x, mirrored(y + i, mask.height))];
      result.grey[at(x, y)] = static_cast<std::uint8_t>(std::lround(sum));
    }
  return result;
}

Mask binarized(Mask mask) {
  for (std::uint8_t& grey : mask.grey) grey = grey >= kHalfWhite ? 255 : 0;
  return mask;
}

Region masked_region(const Mask& mask, int width, int height, int padding) {
  Region box{mask.width, mask.height, 0, 0};
  for (int y = 0; y < mask.height; ++y)
    for (int x = 0; x < mask.width; ++x) {
      if (mask.grey[static_cast<std::size_t>(y) * mask.width + x] == 0) continue;
      box = {std::min(box.left, x), std::min(box.top, y), std::max(box.right, x + 1),
             std::max(box.bottom, y + 1)};
    }
  if (box.right == 0)
    throw ArgumentError("the mask is black all over: nothing is to be painted", "inpaint.mask");
  // Twice as much of it beyond the picture has no other effect.
  const int most = std::max(mask.width, mask.height);
  padding = std::min(padding, most);
  box = {std::max(box.left - padding, 0), std::max(box.top - padding, 0),
         std::min(box.right + padding, mask.width), std::min(box.bottom + padding, mask.height)};
  const double shape = static_cast<double>(width) / height;
  // From first to last, by `more`, half on each side; moved inside, then cut.
  const auto grow = [](int& first, int& last, int more, int size) {
    first -= more / 2;
    last += more - more / 2;
    if (last >= size) {
      first -= last - size;
      last = size;
    }
    if (first < 0) {
      last -= first;
      first = 0;
    }
    last = std::min(last, size);
  };
  if (static_cast<double>(box.width()) / box.height() > shape)
    grow(box.top, box.bottom, static_cast<int>(box.width() / shape - box.height()), mask.height);
  else
    grow(box.left, box.right, static_cast<int>(box.height() * shape - box.width()), mask.width);
  return box;
}

Image cropped(const Image& image, const Region& region) {
  Image part{region.width(), region.height(), {}};
  for (int y = region.top; y < region.bottom; ++y) {
    const auto row = image.rgb.begin() + (std::ptrdiff_t{y} * image.width + region.left) * 3;
    part.rgb.insert(part.rgb.end(), row, row + std::ptrdiff_t{region.width()} * 3);
  }
  return part;
}

void paste(const Image& part, int left, int top, Image& picture) {
  for (int y = 0; y < part.height; ++y)
    std::copy_n(part.rgb.begin() + std::ptrdiff_t{y} * part.width * 3, std::ptrdiff_t{part.width} * 3,
                picture.rgb.begin() + (std::ptrdiff_t{top + y} * picture.width + left) * 3);
}

Image composite(const Image& original, const Image& repainted, const Mask& mask) {
  if (original.rgb.size() != repainted.rgb.size() || original.rgb.size() != 3 * mask.grey.size())
    throw Error("composite: pictures and mask of different sizes");
  Image result = original;
  for (std::size_t i = 0; i < result.rgb.size(); ++i) {
    const int share = mask.grey[i / 3];
    result.rgb[i] =
        static_cast<std::uint8_t>((original.rgb[i] * (255 - share) + repainted.rgb[i] * share + 127) / 255);
  }
  return result;
}

}  // namespace sd35
