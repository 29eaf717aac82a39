#include "lab/scenes/colours.h"

#include <algorithm>
#include <cmath>

namespace sd35 {
namespace {

constexpr std::array<NamedColour, 11> kColours = {{
    {"red", {222, 32, 36}},
    {"orange", {250, 134, 16}},
    {"yellow", {252, 216, 28}},
    {"green", {36, 158, 60}},
    {"blue", {32, 92, 220}},
    {"purple", {132, 48, 176}},
    {"pink", {252, 132, 188}},
    {"brown", {124, 72, 32}},
    {"black", {24, 24, 26}},
    {"gray", {140, 142, 146}},
    {"white", {250, 250, 250}},
}};

// IEC 61966-2-1.
float linear_from_srgb(std::uint8_t value) {
  const float x = static_cast<float>(value) / 255.0f;
  return x <= 0.04045f ? x / 12.92f : std::pow((x + 0.055f) / 1.055f, 2.4f);
}

float distance(const std::array<float, 3>& a, const std::array<float, 3>& b) {
  return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

}  // namespace

std::span<const NamedColour> named_colours() { return kColours; }

std::optional<NamedColour> find_colour(std::string_view name) {
  if (name == "grey") name = "gray";
  const auto* found = std::ranges::find(kColours, name, &NamedColour::name);
  if (found == kColours.end()) return std::nullopt;
  return *found;
}

std::array<float, 3> oklab(Rgb colour) {
  static const auto kLinear = [] {
    std::array<float, 256> values{};
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = linear_from_srgb(static_cast<std::uint8_t>(i));
    return values;
  }();
  const float r = kLinear[colour.red];
  const float g = kLinear[colour.green];
  const float b = kLinear[colour.blue];
  const float l = std::cbrt(0.4122214708f * r + 0.5363325363f * g + 0.0514459929f * b);
  const float m = std::cbrt(0.2119034982f * r + 0.6806995451f * g + 0.1073969566f * b);
  const float s = std::cbrt(0.0883024619f * r + 0.2817188376f * g + 0.6299787005f * b);
  return {0.2104542553f * l + 0.7936177850f * m - 0.0040720468f * s,
          1.9779984951f * l - 2.4285922050f * m + 0.4505937099f * s,
          0.0259040371f * l + 0.7827717662f * m - 0.8086757660f * s};
}

float colour_distance(Rgb a, Rgb b) { return distance(oklab(a), oklab(b)); }

const NamedColour& nearest_colour(Rgb pixel) {
  static const auto kPlaces = [] {
    std::array<std::array<float, 3>, kColours.size()> places;
    std::ranges::transform(kColours, places.begin(), [](const NamedColour& c) { return oklab(c.rgb); });
    return places;
  }();
  const std::array<float, 3> place = oklab(pixel);
  const auto* nearest = std::ranges::min_element(
      kPlaces, {}, [&](const auto& candidate) { return distance(place, candidate); });
  return kColours[static_cast<std::size_t>(nearest - kPlaces.begin())];
}

}  // namespace sd35
