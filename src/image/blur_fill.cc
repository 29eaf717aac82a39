#include "image/blur_fill.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "core/error.h"
#include "core/threads.h"

namespace sd35 {
namespace {

constexpr std::size_t kChannels = 4;

// Red, green, blue and alpha of every pixel; `premultiplied` by alpha or not.
using Pixels = std::vector<std::uint8_t>;

int divided_by_255(int value) { return ((value >> 8) + value) >> 8; }

// Three passes of a box whose radius is not whole have the variance of the Gaussian (Gwosdek et al.,
// Theoretical Foundations of Gaussian Convolution by Extended Box Filtering).
constexpr int kPasses = 3;

float box_radius(float gaussian_radius) {
  const float variance = gaussian_radius * gaussian_radius / kPasses;
  const auto length = static_cast<float>(std::sqrt(12.0 * variance + 1.0));
  const auto whole = static_cast<float>(std::floor((length - 1.0) / 2.0));
  const float rest =
      (2 * whole + 1) * (whole * (whole + 1) - 3 * variance) / (6 * (variance - (whole + 1) * (whole + 1)));
  return whole + rest;
}

// One pass over a line of pixels `stride` bytes apart; beyond its ends it goes on as its ends are. Sums have
// 24 bits of fraction.
class BoxPass {
 public:
  BoxPass(float radius, int length)
      : radius_(static_cast<int>(radius)),
        length_(length),
        weight_(static_cast<std::uint32_t>((1 << 24) / (radius * 2 + 1))),
        edge_weight_(((1U << 24) - (static_cast<std::uint32_t>(radius_) * 2 + 1) * weight_) / 2) {}

  // In and out must differ.
  void run(const std::uint8_t* in, std::uint8_t* out, std::size_t stride) const {
    const auto at = [&](int i) -> std::uint32_t {
      return in[static_cast<std::size_t>(std::clamp(i, 0, length_ - 1)) * stride];
    };
    std::uint32_t inside = 0;  // of the whole box around pixel x
    for (int i = -radius_; i <= radius_; ++i) inside += at(i);
    for (int x = 0; x < length_; ++x) {
      const std::uint32_t sum = inside * weight_ + (at(x - radius_ - 1) + at(x + radius_ + 1)) * edge_weight_;
      out[static_cast<std::size_t>(x) * stride] = static_cast<std::uint8_t>((sum + (1U << 23)) >> 24);
      inside += at(x + radius_ + 1) - at(x - radius_);
    }
  }

 private:
  int radius_, length_;
  std::uint32_t weight_, edge_weight_;
};

void blur(Pixels& pixels, int width, int height, float gaussian_radius) {
  const float radius = box_radius(gaussian_radius);
  const std::size_t row = static_cast<std::size_t>(width) * kChannels;
  Pixels other(pixels.size());
  const auto lines = [&](int count, int length, std::size_t to_next_line, std::size_t stride) {
    const BoxPass pass(radius, length);
    for (int i = 0; i < kPasses; ++i) {
      parallel_for(count, 16, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t line = begin; line < end; ++line)
          for (std::size_t c = 0; c < kChannels; ++c) {
            const std::size_t start = static_cast<std::size_t>(line) * to_next_line + c;
            pass.run(pixels.data() + start, other.data() + start, stride);
          }
      });
      pixels.swap(other);
    }
  };
  lines(height, width, row, kChannels);
  lines(width, height, kChannels, row);
}

void unpremultiply(Pixels& pixels) {
  for (std::size_t i = 0; i < pixels.size(); i += kChannels) {
    const int alpha = pixels[i + 3];
    if (alpha == 0 || alpha == 255) continue;
    for (std::size_t c = 0; c < 3; ++c)
      pixels[i + c] = static_cast<std::uint8_t>(std::min(255 * pixels[i + c] / alpha, 255));
  }
}

// `top` over `below`.
void composite(const Pixels& top, Pixels& below) {
  constexpr int kFraction = 7;
  for (std::size_t i = 0; i < below.size(); i += kChannels) {
    const int alpha = top[i + 3];
    if (alpha == 0) continue;
    const int whole = alpha * 255 + below[i + 3] * (255 - alpha);
    const int above = alpha * 255 * 255 * (1 << kFraction) / whole, rest = 255 * (1 << kFraction) - above;
    for (std::size_t c = 0; c < 3; ++c) {
      const int sum = top[i + c] * above + below[i + c] * rest;
      below[i + c] = static_cast<std::uint8_t>(divided_by_255(sum + (0x80 << kFraction)) >> kFraction);
    }
    below[i + 3] = static_cast<std::uint8_t>(divided_by_255(whole + 0x80));
  }
}

}  // namespace

Image blur_filled(const Image& image, const Mask& mask) {
  if (image.rgb.size() != 3 * mask.grey.size())
    throw Error("blur_filled: picture and mask of different sizes");
  Pixels outside(kChannels * mask.grey.size());  // premultiplied
  for (std::size_t i = 0; i < mask.grey.size(); ++i) {
    const int alpha = 255 - mask.grey[i];
    for (std::size_t c = 0; c < 3; ++c)
      outside[kChannels * i + c] =
          static_cast<std::uint8_t>(divided_by_255(image.rgb[3 * i + c] * alpha + 0x80));
    outside[kChannels * i + 3] = static_cast<std::uint8_t>(alpha);
  }
  struct Round {
    float radius;
    int times;
  };
  constexpr std::array<Round, 6> kRounds{{{256, 1}, {64, 1}, {16, 2}, {4, 4}, {2, 2}, {0, 1}}};
  Pixels result(outside.size());
  for (const Round& round : kRounds) {
    Pixels blurred = outside;
    if (round.radius > 0) blur(blurred, image.width, image.height, round.radius);
    unpremultiply(blurred);
    for (int i = 0; i < round.times; ++i) composite(blurred, result);
  }
  Image filled{image.width, image.height, {}};
  for (std::size_t i = 0; i < result.size(); i += kChannels)
    filled.rgb.insert(filled.rgb.end(), result.begin() + static_cast<std::ptrdiff_t>(i),
                      result.begin() + static_cast<std::ptrdiff_t>(i) + 3);
  return filled;
}

}  // namespace sd35
