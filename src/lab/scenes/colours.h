// The colours that captions name: what the generator paints with, and how a painted pixel gets its name.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace sd35 {

struct Rgb {
  std::uint8_t red = 0;
  std::uint8_t green = 0;
  std::uint8_t blue = 0;

  bool operator==(const Rgb&) const = default;
};

struct NamedColour {
  std::string_view name;
  Rgb rgb;  // sRGB
};

// The eleven basic colour terms of English (Berlin and Kay 1969): red, orange, yellow, green, blue, purple,
// pink, brown, black, gray, white.
std::span<const NamedColour> named_colours();

// Nothing when `name` is none of them; "grey" is gray.
std::optional<NamedColour> find_colour(std::string_view name);

// OKLab (Ottosson 2020): lightness in [0, 1], then the green-red and the blue-yellow axes, about [-0.4, 0.4].
std::array<float, 3> oklab(Rgb colour);

// Euclidean distance in OKLab; black and white are 1 apart.
float colour_distance(Rgb a, Rgb b);

// The named colour nearest to a pixel, by colour_distance().
const NamedColour& nearest_colour(Rgb pixel);

}  // namespace sd35
