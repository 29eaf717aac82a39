// Parts of pictures at full resolution, many of them around the text that a picture shows.
#pragma once

#include <optional>
#include <string_view>

#include "data/fit.h"
#include "train/samples/sample_random.h"

namespace sd35::train {

struct PixelBox {
  double x = 0, y = 0, width = 0, height = 0;
};

struct CropOptions {
  int side = 0;  // in pixels
  int grid = 8;  // corners lie on multiples of it, so that latents are cut as the whole picture's are
  double about_text = 0;  // share of the pictures with a known text that are cropped around it
};

// Where the text of a picture is: of the `boxes` in a sample's JSON (docs/dataset.md) the one named "text",
// or "text area". Nothing if there is none, or the JSON is of another kind.
std::optional<PixelBox> text_box(std::string_view json);

// A box of a picture of size `before` in the picture that fit_to_bucket() made of it.
PixelBox moved_with(const sd35::FittedPicture& fitted, ImageSize before, PixelBox box);

// The part of `image`, whose sides are at least options.side, in a random place: if `text` is given, around
// all of it, or within it if it is larger than the part.
Image crop_of(const Image& image, const CropOptions& options, const std::optional<PixelBox>& text,
              SampleRandom& random);

}  // namespace sd35::train
