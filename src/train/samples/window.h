// Windows: parts of pictures, as the transformer sees them at their place in the whole.
#pragma once

#include <cstdint>
#include <optional>

#include "core/tensor.h"
#include "data/fit.h"
#include "image/image_size.h"
#include "train/samples/sample_random.h"
#include "train/train_config.h"

namespace sd35::train {

// In image tokens of the whole picture.
struct TokenWindow {
  std::int64_t left = 0, top = 0, columns = 0, rows = 0;

  bool operator==(const TokenWindow&) const = default;
};

// The image tokens of a picture.
struct TokenGrid {
  int columns = 0, rows = 0;
  int side = 16;  // of a token, in pixels
};

// One of the shapes that fit into a picture; nothing if none does.
std::optional<ImageSize> window_shape(const Windows& windows, const TokenGrid& picture, SampleRandom& random);

// Where the window of this shape, in tokens, lies in a picture: at random among the places with as much of
// `text` in it as possible; anywhere if there is none, or none inside the picture.
TokenWindow place_window(ImageSize shape, const TokenGrid& picture, const std::optional<PictureBox>& text,
                         SampleRandom random);

// The part of moments [2 C, h, w], where a token has patch x patch of them.
Tensor cut(const Tensor& moments, const TokenWindow& window, int patch);

}  // namespace sd35::train
