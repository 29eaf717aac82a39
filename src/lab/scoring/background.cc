#include "lab/scoring/background.h"

#include <algorithm>

#include "lab/drawing/backgrounds.h"

namespace sd35 {
namespace {

constexpr int kBands = 12;
constexpr double kSides = 0.1;  // of the width, left and right
constexpr int kBackgroundSide = 96;
constexpr int kVariants = 24;  // of a place: horizons and trees differ

LabImage drawn(const Background& background, std::uint64_t variant) {
  const Surface surface = make_surface(kBackgroundSide, kBackgroundSide);
  {
    const Context context = make_context(surface);
    cairo_scale(context.get(), kBackgroundSide, kBackgroundSide);
    SceneRandom random(variant, 0);
    draw_background(context.get(), background, 1, 1, random);
  }
  return to_lab(image_of(surface));
}

}  // namespace

BackgroundTable::Profile BackgroundTable::profile_of(const LabImage& picture) {
  Profile profile(kBands, Lab{});
  std::vector<float> counts(kBands);
  const int sides = std::max(1, static_cast<int>(kSides * picture.width));
  for (int y = 0; y < picture.height; ++y) {
    const auto band = static_cast<std::size_t>(y * kBands / picture.height);
    for (int x = 0; x < picture.width; ++x) {
      if (x >= sides && x < picture.width - sides) continue;
      for (std::size_t i = 0; i < 3; ++i) profile[band][i] += picture.at(x, y)[i];
      counts[band] += 1;
    }
  }
  for (std::size_t band = 0; band < kBands; ++band)
    for (float& value : profile[band]) value /= std::max(counts[band], 1.0F);
  return profile;
}

BackgroundTable::BackgroundTable() {
  for (const NamedColour& colour : named_colours())
    known_.emplace_back(colour.name, Profile(kBands, oklab(colour.rgb)));
  for (const char* place : {"beach", "night", "forest"})
    for (std::uint64_t variant = 0; variant < kVariants; ++variant)
      known_.emplace_back(place, profile_of(drawn({.name = place, .rgb = {}}, variant)));
}

std::string BackgroundTable::nearest(const LabImage& picture) const {
  const Profile seen = profile_of(picture);
  return std::ranges::min_element(known_, {},
                                  [&](const auto& known) {
                                    float sum = 0;
                                    for (std::size_t band = 0; band < kBands; ++band)
                                      sum += lab_distance(seen[band], known.second[band]);
                                    return sum;
                                  })
      ->first;
}

}  // namespace sd35
