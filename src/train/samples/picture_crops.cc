#include "train/samples/picture_crops.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

namespace sd35::train {
namespace {

using nlohmann::json;

std::optional<PixelBox> box_from(const json& value) {
  std::array<double, 4> sides{};
  if (!value.is_array() || value.size() != sides.size()) return std::nullopt;
  for (std::size_t i = 0; i < sides.size(); ++i) {
    if (!value[i].is_number()) return std::nullopt;
    sides[i] = value[i].get<double>();
  }
  return PixelBox{sides[0], sides[1], sides[2], sides[3]};
}

// The first pixel of `side` ones in a row of `length`, where the text in it begins at `begin`.
int place_about(double begin, double text_length, int length, const CropOptions& options,
                SampleRandom& random) {
  const double other = begin + text_length - options.side;
  const auto first = static_cast<std::int64_t>(std::ceil(std::min(begin, other) / options.grid));
  const auto last = static_cast<std::int64_t>(std::floor(std::max(begin, other) / options.grid));
  const std::int64_t chosen = first + random.below(std::max<std::int64_t>(last - first, 0) + 1);
  const std::int64_t steps = (length - options.side) / options.grid;
  return static_cast<int>(std::clamp<std::int64_t>(chosen, 0, steps)) * options.grid;
}

int place_anywhere(int length, const CropOptions& options, SampleRandom& random) {
  return static_cast<int>(random.below((length - options.side) / options.grid + 1)) * options.grid;
}

}  // namespace

std::optional<PixelBox> text_box(std::string_view text) {
  const json sample = json::parse(text, nullptr, false);
  if (!sample.is_object() || !sample.contains("boxes") || !sample["boxes"].is_array()) return std::nullopt;
  for (const char* name : {"text", "text area"})
    for (const json& box : sample["boxes"])
      if (box.is_object() && box.contains("box") && box.value("name", json()) == name)
        return box_from(box["box"]);
  return std::nullopt;
}

PixelBox moved_with(const sd35::FittedPicture& fitted, ImageSize before, PixelBox box) {
  const double across = static_cast<double>(fitted.resized.width) / before.width;
  const double down = static_cast<double>(fitted.resized.height) / before.height;
  box = {box.x * across - fitted.crop_x, box.y * down - fitted.crop_y, box.width * across, box.height * down};
  if (fitted.flipped) box.x = fitted.image.width - box.x - box.width;
  return box;
}

Image crop_of(const Image& image, const CropOptions& options, const std::optional<PixelBox>& text,
              SampleRandom& random) {
  const int left = text ? place_about(text->x, text->width, image.width, options, random)
                        : place_anywhere(image.width, options, random);
  const int top = text ? place_about(text->y, text->height, image.height, options, random)
                       : place_anywhere(image.height, options, random);
  Image part{options.side, options.side, {}};
  for (int y = top; y < top + options.side; ++y) {
    const auto row = image.rgb.begin() + 3 * (std::ptrdiff_t{y} * image.width + left);
    part.rgb.insert(part.rgb.end(), row, row + 3 * std::ptrdiff_t{options.side});
  }
  return part;
}

}  // namespace sd35::train
