// Pictures in a space where distance is what the eye sees.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "image/image.h"
#include "lab/scenes/colours.h"

namespace sd35 {

using Lab = std::array<float, 3>;  // OKLab: lab/scenes/colours.h

struct LabImage {
  int width = 0;
  int height = 0;
  std::vector<Lab> pixels;  // row-major

  const Lab& at(int x, int y) const { return pixels[static_cast<std::size_t>(y * width + x)]; }
};

LabImage to_lab(const Image& image);
// Euclidean.
float lab_distance(const Lab& a, const Lab& b);

// A yes or no per pixel, row-major.
struct Mask {
  int width = 0;
  int height = 0;
  std::vector<std::uint8_t> set;

  Mask() = default;
  Mask(int w, int h) : width(w), height(h), set(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
  bool inside(int x, int y) const { return x >= 0 && y >= 0 && x < width && y < height; }
  std::uint8_t& at(int x, int y) { return set[static_cast<std::size_t>(y * width + x)]; }
  bool at(int x, int y) const { return set[static_cast<std::size_t>(y * width + x)] != 0; }
  std::int64_t count() const;
};

// Of the eight neighbours and the pixel itself: all (eroded), any (dilated).
Mask eroded(const Mask& mask);
Mask dilated(const Mask& mask);
// What is not set and is connected to the edge of the picture through unset pixels (four neighbours).
Mask outside_of(const Mask& mask);

}  // namespace sd35
