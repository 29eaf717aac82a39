#include "image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <string>
#include <vector>

#include "core/error.h"
#include "core/threads.h"

namespace sd35 {
namespace {

constexpr double kLobes = 3.0;
// Weights are integers of 22 fractional bits: 8 bits of pixel, 1 of sign and 1 for overshoot fill up the 32.
constexpr int kFractionBits = 22;

double sinc(double x) {
  if (x == 0.0) return 1.0;
  const double angle = x * std::numbers::pi;
  return std::sin(angle) / angle;
}

double lanczos(double x) { return std::fabs(x) < kLobes ? sinc(x) * sinc(x / kLobes) : 0.0; }

// The inputs that one output pixel of a row (or column) sees, and what each weighs.
struct Window {
  int first;
  std::vector<std::int32_t> weights;
};

Window window_of(int output, int input_size, int output_size) {
  const double scale = static_cast<double>(input_size) / output_size;
  const double stretch = std::max(scale, 1.0);
  const double center = (output + 0.5) * scale;
  const double reach = kLobes * stretch;
  const int first = std::max(0, static_cast<int>(std::floor(center - reach + 0.5)));
  const int last = std::min(input_size, static_cast<int>(std::floor(center + reach + 0.5)));
  std::vector<double> exact;
  double sum = 0.0;
  for (int i = first; i < last; ++i) {
    exact.push_back(lanczos((i + 0.5 - center) * (1.0 / stretch)));
    sum += exact.back();
  }
  Window window{first, {}};
  for (const double weight : exact)
    window.weights.push_back(static_cast<std::int32_t>(std::round(weight / sum * (1 << kFractionBits))));
  return window;
}

std::vector<Window> windows_of(int input_size, int output_size) {
  std::vector<Window> windows;
  windows.reserve(static_cast<std::size_t>(output_size));
  for (int i = 0; i < output_size; ++i) windows.push_back(window_of(i, input_size, output_size));
  return windows;
}

std::uint8_t to_level(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp(sum >> kFractionBits, 0, 255));
}

constexpr std::int32_t kHalf = 1 << (kFractionBits - 1);

Image resize_width(const Image& image, int width) {
  const std::vector<Window> windows = windows_of(image.width, width);
  Image result{width, image.height, std::vector<std::uint8_t>(std::size_t{3} * width * image.height)};
  parallel_for(image.height, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t y = begin; y < end; ++y) {
      const std::uint8_t* source = image.rgb.data() + y * image.width * 3;
      std::uint8_t* target = result.rgb.data() + y * width * 3;
      for (const Window& window : windows) {
        std::int32_t sums[3] = {kHalf, kHalf, kHalf};
        const std::uint8_t* pixel = source + std::ptrdiff_t{3} * window.first;
        for (const std::int32_t weight : window.weights)
          for (std::int32_t& sum : sums) sum += weight * *pixel++;
        for (const std::int32_t sum : sums) *target++ = to_level(sum);
      }
    }
  });
  return result;
}

Image resize_height(const Image& image, int height) {
  const std::vector<Window> windows = windows_of(image.height, height);
  const std::size_t stride = std::size_t{3} * image.width;
  Image result{image.width, height, std::vector<std::uint8_t>(stride * height)};
  parallel_for(height, 16, [&](std::int64_t begin, std::int64_t end) {
    std::vector<std::int32_t> sums(stride);
    for (std::int64_t y = begin; y < end; ++y) {
      const Window& window = windows[static_cast<std::size_t>(y)];
      std::ranges::fill(sums, kHalf);
      const std::uint8_t* source = image.rgb.data() + stride * window.first;
      for (const std::int32_t weight : window.weights) {
        for (std::size_t i = 0; i < stride; ++i) sums[i] += weight * source[i];
        source += stride;
      }
      std::ranges::transform(sums, result.rgb.data() + stride * y, to_level);
    }
  });
  return result;
}

}  // namespace

Image resize(const Image& image, int width, int height) {
  check_image(image);
  if (width < 1 || height < 1 || width > kMaxImageSide || height > kMaxImageSide)
    throw ArgumentError("cannot resize an image to " + std::to_string(width) + "x" + std::to_string(height) +
                        "; sides go from 1 to " + std::to_string(kMaxImageSide));
  if (image.width == width) return image.height == height ? image : resize_height(image, height);
  if (image.height == height) return resize_width(image, width);
  // The order affects the rounding between the passes; this is when Pillow 13 takes the height first.
  const int height_cut = image.height - height;
  const int width_cut = image.width - width;
  if (height_cut > std::max(0, 2 * width_cut)) return resize_width(resize_height(image, height), width);
  return resize_height(resize_width(image, width), height);
}

}  // namespace sd35
