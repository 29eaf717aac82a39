#include "lab/scenes/typefaces.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/error.h"

namespace sd35 {
namespace {

constexpr std::array<Typeface, kTypefaces> kFaces = {{
    {"liberation-sans", "Liberation Sans", true, "fonts-liberation2"},
    {"dejavu-sans", "DejaVu Sans", true, "fonts-dejavu-core"},
    {"open-sans", "Open Sans", true, "fonts-open-sans"},
    {"comic-neue", "Comic Neue", true, "fonts-comic-neue"},
    {"liberation-sans-regular", "Liberation Sans", false, "fonts-liberation2"},
    {"liberation-serif", "Liberation Serif", true, "fonts-liberation2"},
    {"dejavu-serif", "DejaVu Serif", true, "fonts-dejavu-core"},
    {"liberation-mono", "Liberation Mono", true, "fonts-liberation2"},
    {"dejavu-mono", "DejaVu Sans Mono", true, "fonts-dejavu-core"},
    {"quicksand", "Quicksand", true, "fonts-quicksand"},
    {"dosis", "Dosis", true, "fonts-dosis"},
    {"lato", "Lato", true, "fonts-lato"},
}};

}  // namespace

std::span<const Typeface> typefaces() { return kFaces; }

int typeface_named(std::string_view name) {
  const auto* const found = std::ranges::find(kFaces, name, &Typeface::name);
  if (found != kFaces.end()) return static_cast<int>(found - kFaces.begin());
  std::string all;
  for (const Typeface& face : kFaces) all += (all.empty() ? "" : ", ") + std::string(face.name);
  throw ArgumentError("no typeface is named '" + std::string(name) + "'; there are " + all);
}

}  // namespace sd35
